import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { WindowseatEngine } from "../../web/src/api/engine.ts";
import { ApiError } from "../../web/src/api/error.ts";
import type { Session } from "../../web/src/api/session.ts";
import { tapGpu } from "../../web/src/bench/tap.ts";
import { BLOCK } from "../../web/src/runtime/kv_cache.ts";
import {
  addToChecksum,
  CHECKSUM_BYTES,
  startChecksum,
} from "../../web/src/runtime/storage/checksum.ts";
import { gpu } from "./gpu.ts";
import { gpuWithMemory } from "./small_gpu.ts";
import { simulate, type ToyChoice, toyBundle } from "./toy_bundle.ts";
import { HELLO, HELLO_IDS, loadToy, toyText } from "./toy_engine.ts";
import { madeUp } from "./toy_model.ts";

const MADE = 8;
/** After an answer, the state has read all of it but its last token. */
const UNREAD = 1;

/** Goes on from a prompt; holds the answer against the kernels' definition, and gives it with what was not read again. */
async function goOn(
  { completions }: Pick<Session, "completions">,
  prompt: readonly number[],
): Promise<{ readonly whole: number[]; readonly cached: number }> {
  const { choices, usage } = await completions.create({ prompt, max_tokens: MADE, temperature: 0 });
  const made = simulate(prompt, MADE);
  assert.equal(choices[0]?.text, toyText(made));
  return { whole: [...prompt, ...made], cached: usage.prompt_tokens_details.cached_tokens };
}

describe("sessions", () => {
  let engine: WindowseatEngine;
  before(async () => {
    engine = await loadToy({ context: 4096 });
  });
  after(() => engine.close());

  it("each go on from what they themselves have read", async () => {
    const [one, other] = [engine.session(), engine.session()];
    const first = await goOn(one, madeUp(40));
    const second = await goOn(other, madeUp(50, 6));
    await goOn(engine, madeUp(30, 7));
    for (const [session, { whole }] of [
      [one, first],
      [other, second],
    ] as const) {
      const next = await goOn(session, [...whole, 1, 2, 3]);
      assert.equal(next.cached, whole.length - UNREAD);
      await session.close();
    }
  });

  it("that are forked go on apart, each as if it had been the only one", async () => {
    const session = engine.session();
    const { whole } = await goOn(session, madeUp(40));
    const fork = await session.fork();
    const [a, b] = await Promise.all([
      goOn(session, [...whole, 1, 2, 3]),
      goOn(fork, [...whole, 9, 8]),
    ]);
    assert.deepEqual([a.cached, b.cached], [whole.length - UNREAD, whole.length - UNREAD]);
    // Each may also go back to where a turn began, and differ from there on.
    const back = await goOn(fork, [...whole.slice(0, -UNREAD), 4, 5]);
    assert.equal(back.cached, whole.length - UNREAD);
    await goOn(await fork.fork(), [...back.whole, 6]);
    await fork.close();
    assert.equal((await goOn(session, [...a.whole, 7])).cached, a.whole.length - UNREAD);
    await session.close();
  });

  it("that are forked while they answer do so once the answer is there", async () => {
    const session = engine.session();
    const answering = goOn(session, madeUp(40));
    const fork = await session.fork();
    const { whole } = await answering;
    assert.equal((await goOn(fork, [...whole, 1])).cached, whole.length - UNREAD);
    await session.close();
    await fork.close();
  });

  it("that have read nothing may be forked and saved as well", async () => {
    const empty = await engine.session().fork();
    const restored = await engine.restore(await empty.save());
    assert.equal((await goOn(restored, madeUp(20))).cached, 0);
    await empty.close();
    await restored.close();
  });

  it("answer chats, and streams of them", async () => {
    const session = engine.session();
    const stream = await session.chat.completions.create({ ...HELLO, stream: true });
    let text = "";
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
    assert.equal(text, toyText(simulate(HELLO_IDS, 8)));
    const { usage } = await session.chat.completions.create(HELLO);
    assert.equal(usage.prompt_tokens_details.cached_tokens, HELLO_IDS.length - 2);
    await session.close();
  });

  it("that were closed end what they were at, and take nothing more", async () => {
    const session = engine.session();
    const open = session.completions.create({ prompt: [1, 2], max_tokens: 2000 });
    const queued = session.completions.create({ prompt: [1, 2], max_tokens: 2000 });
    const closed = session.close();
    await assert.rejects(open, { code: "session_closed" });
    await assert.rejects(queued, { code: "session_closed" });
    await closed;
    for (const use of [() => session.fork(), () => session.save(), () => goOn(session, [1])]) {
      await assert.rejects(use, { code: "session_closed" });
    }
  });
});

describe("a saved session", () => {
  let engine: WindowseatEngine;
  let whole: number[];
  let bytes: Uint8Array<ArrayBuffer>;
  before(async () => {
    engine = await loadToy({ context: 4096 });
    const session = engine.session();
    ({ whole } = await goOn(session, madeUp(1100)));
    bytes = await session.save();
    await session.close();
  });
  after(() => engine.close());

  async function refuses(engine: WindowseatEngine, bytes: Uint8Array, why: RegExp): Promise<void> {
    await assert.rejects(engine.restore(bytes), (error) => {
      assert.ok(error instanceof ApiError, String(error));
      assert.deepEqual([error.param, error.code], ["bytes", "invalid_value"]);
      assert.match(error.message, why);
      assert.equal(error.message.match(/\.( |$)/g)?.length, 1, `one sentence: ${error.message}`);
      return true;
    });
  }

  it("goes on in another engine with nothing to read again, and may be restored twice", async () => {
    const later = await loadToy({ context: 2048 });
    const copy = bytes.slice();
    const [one, other] = [await later.restore(copy), await later.restore(copy)];
    assert.deepEqual(copy, bytes, "the bytes stay the caller's");
    const [a, b] = [await goOn(one, [...whole, 1, 2]), await goOn(other, [...whole, 3])];
    assert.deepEqual([a.cached, b.cached], [whole.length - UNREAD, whole.length - UNREAD]);
    later.close();
  });

  it("is the same bytes when it is saved again", async () => {
    const session = await engine.restore(bytes);
    assert.deepEqual(await session.save(), bytes);
    await session.close();
  });

  it("is refused when any byte of it is another, or some are missing", async () => {
    for (let at = 0; at < bytes.length; at += at < 64 ? 1 : 997) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      await refuses(engine, damaged, at < 16 ? /./ : /damaged: its checksum/);
    }
    for (const length of [0, 3, 16, 100, bytes.length - 1]) {
      await refuses(engine, bytes.slice(0, length), length < 16 ? /no saved conver/ : /was cut/);
    }
    const newer = bytes.slice();
    newer[4] = 2;
    await refuses(engine, newer, /format version 2 and version 1 is read here/);
  });

  it("is refused when someone made it up", async () => {
    for (const [from, to] of [
      ['"length":1107', '"length":1108'],
      ['"length":1107', '"length":4000'],
      ['"model":', '"modex":'],
    ] as const) {
      const text = new TextDecoder("latin1").decode(bytes);
      const changed = Uint8Array.from(text.replace(from, to), (each) => each.charCodeAt(0));
      assert.notDeepEqual(changed, bytes, from);
      const sum = startChecksum();
      addToChecksum(sum, changed.subarray(0, -CHECKSUM_BYTES));
      changed.set(new Uint8Array(sum.buffer), changed.length - CHECKSUM_BYTES);
      await refuses(engine, changed, /does not have the parts|header that cannot be read/);
    }
  });

  it("is refused by another build, another variant and a smaller context", async () => {
    const plan: ToyChoice["plan"] = (usual) => ({
      ...usual,
      kernels: usual.kernels.map((each) => ({ ...each, code: `${each.code} ` })),
    });
    const variants: ToyChoice["variants"] = ([base]) => [{ ...base, name: "other" }];
    for (const [options, choice, why] of [
      [{ context: 4096 }, { plan }, /of another build of toy \(base\)/],
      [
        { context: 4096 },
        { plan, variants },
        /of toy \(base\), and this engine runs toy \(other\)/,
      ],
      [{ context: 1024 }, {}, /has 1107 tokens and toy holds 1024 here/],
    ] as const) {
      const other = await loadToy(options, toyBundle(choice));
      await refuses(other, bytes, why);
      await goOn(other, madeUp(20));
      other.close();
    }
  });

  it("is asked for by what is no bytes", async () => {
    const anything: { bytes: Uint8Array } = JSON.parse('{"bytes": "text"}');
    await assert.rejects(engine.restore(anything.bytes), { param: "bytes", code: "invalid_type" });
  });
});

describe("the memory of sessions", () => {
  it("is given back when they are closed", async () => {
    const tap = tapGpu(gpu);
    const engine = await loadToy({ context: 4096 }, toyBundle(), tap.gpu);
    await goOn(engine, madeUp(40));
    const before = tap.bytes;
    const session = engine.session();
    await goOn(session, madeUp(600));
    const fork = await session.fork();
    const restored = await engine.restore(await fork.save());
    assert.ok(tap.bytes > before + 3 * 4 * BLOCK);
    const answering = session.completions.create({ prompt: [1, 2], max_tokens: 2000 });
    await Promise.all([
      assert.rejects(answering, { code: "session_closed" }),
      ...[session, fork, restored].map((each) => each.close()),
    ]);
    assert.equal(tap.bytes, before);
    engine.close();
    await session.close();
  });

  it("is bounded: of those that wait, the last ones used keep what they have read", async () => {
    const MIB = 2 ** 20;
    const tap = tapGpu(gpu);
    // A block of 120 MiB for each.
    const plan: ToyChoice["plan"] = (usual) => ({
      ...usual,
      buffers: usual.buffers.map((each) =>
        each.name === "seen" ? { ...each, bytes_per_position: (120 * MIB) / BLOCK } : each,
      ),
    });
    const engine = await loadToy({ context: BLOCK }, toyBundle({ plan }), tap.gpu);
    const sessions = Array.from({ length: 5 }, () => engine.session());
    const wholes: number[][] = [];
    for (const [i, session] of sessions.entries()) {
      wholes.push((await goOn(session, madeUp(20, i))).whole);
      assert.ok(tap.bytes < 4.1 * 120 * MIB, `${tap.bytes / MIB} MiB`);
    }
    const cached = async (i: number): Promise<number> => {
      const [session, whole] = [sessions[i], wholes[i] ?? []];
      assert.ok(session);
      return (await goOn(session, [...whole, 1])).cached;
    };
    const kept = 20 + MADE - UNREAD;
    assert.deepEqual([await cached(4), await cached(2), await cached(0)], [kept, kept, 0]);
    engine.close();
  });

  it("that runs out is found for a save, which reads the state through some", async () => {
    let most = 2 ** 20;
    const tap = tapGpu(gpuWithMemory(() => most));
    const engine = await loadToy({ context: 4096 }, toyBundle(), tap.gpu);
    const [one, other] = [engine.session(), engine.session()];
    const { whole } = await goOn(one, madeUp(200));
    await goOn(other, madeUp(20, 6));
    most = tap.bytes;
    const bytes = await one.save();
    most = 2 ** 20;
    const later = await engine.restore(bytes);
    assert.equal((await goOn(later, [...whole, 1])).cached, whole.length - UNREAD);
    engine.close();
  });

  it("that was taken, or lost with the GPU, leaves nothing to save until the next request", async () => {
    let most = 2 ** 20;
    const tap = tapGpu(gpuWithMemory(() => most));
    const engine = await loadToy({ context: 4096 }, toyBundle(), tap.gpu);
    const [one, other] = [engine.session(), engine.session()];
    const { whole } = await goOn(one, madeUp(200));
    const savesNothing = async (session: Session): Promise<void> => {
      await assert.rejects(session.save(), { message: /nothing to save.* ask it once more/ });
    };
    most = 0;
    await goOn(other, madeUp(40, 7));
    most = 2 ** 20;
    await savesNothing(one);
    await savesNothing(await one.fork());
    const again = await goOn(one, [...whole, 1]);
    const bytes = await one.save();
    tap.device?.destroy();
    await tap.device?.lost;
    await savesNothing(one);
    const { cached } = await goOn(await engine.restore(bytes), [...again.whole, 2]);
    assert.equal(cached, again.whole.length - UNREAD);
    engine.close();
  });

  it("that runs out is taken from the one that was not used for longest", async () => {
    let most = 2 ** 20;
    const tap = tapGpu(gpuWithMemory(() => most));
    const engine = await loadToy({ context: 4096 }, toyBundle(), tap.gpu);
    const [one, two, three] = [engine.session(), engine.session(), engine.session()];
    const first = await goOn(one, madeUp(200));
    const second = await goOn(two, madeUp(200, 6));
    most = tap.bytes + 64; // but for snapshots, nothing is left but what others have
    const third = await goOn(three, madeUp(40, 7));
    assert.equal((await goOn(two, [...second.whole, 1])).cached, second.whole.length - UNREAD);
    assert.equal((await goOn(three, [...third.whole, 1])).cached, third.whole.length - UNREAD);
    most = 2 ** 20;
    assert.equal((await goOn(one, [...first.whole, 1])).cached, 0, "it reads everything again");
    engine.close();
  });
});
