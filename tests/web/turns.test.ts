import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { tapGpu } from "../../web/src/bench/tap.ts";
import { fetchFromDisk } from "../../web/src/node/folder.ts";
import { type OpenBundle, openBundle } from "../../web/src/runtime/files.ts";
import type { Plan, Program } from "../../web/src/runtime/format.ts";
import { Model } from "../../web/src/runtime/model.ts";
import { gpu } from "./gpu.ts";
import { type ToyChoice, toyBundle } from "./toy_bundle.ts";
import { callsOfPrefill, GREEDY, madeUp, run } from "./toy_model.ts";

/** The toy's recurrence without a state: what it has seen says it all, and it can go back to any place. */
const FROM_CACHE_WGSL = /* wgsl */ `
struct Scalars { position: i32, tokens: i32 }
@group(0) @binding(0) var<storage, read_write> hidden: array<u32>;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read_write> seen: array<u32>;
@group(0) @binding(3) var<uniform> scalars: Scalars;
@compute @workgroup_size(1) fn main() {
  for (var i = 0; i < scalars.tokens; i++) { seen[scalars.position + i] = rows[i]; }
  for (var i = 0; i < scalars.tokens; i++) {
    var s = 0u;
    for (var j = 0; j <= scalars.position + i; j++) { s = (s * 31u + seen[j] + 1u) % 65521u; }
    hidden[i] = s;
  }
}`;

function withoutRecurrence(plan: Plan): Plan {
  const bound = (names: readonly string[]) => names.filter((name) => !name.startsWith("state"));
  const program = (steps: Program): Program =>
    steps.map((step) => ({ ...step, buffers: bound(step.buffers) }));
  return {
    ...plan,
    buffers: plan.buffers.filter(({ name }) => !name.startsWith("state")),
    kernels: plan.kernels.map((kernel) =>
      kernel.name === "recur"
        ? {
            ...kernel,
            code: FROM_CACHE_WGSL,
            buffers: kernel.buffers.slice(0, 3),
            scalars: ["position", "tokens"],
          }
        : kernel,
    ),
    programs: {
      ...plan.programs,
      prefill: program(plan.programs.prefill),
      decode: program(plan.programs.decode),
    },
  };
}

function toy(choice: ToyChoice): () => Promise<OpenBundle> {
  return () => openBundle("http://toy", { fetch: toyBundle(choice).fetch });
}

const MODELS: Record<string, () => Promise<OpenBundle>> = {
  "the toy": toy({}),
  "the toy without a recurrence": toy({ plan: withoutRecurrence }),
};
/** The folder of a compiled model, from whoever runs the tests. */
const TINY = process.env.WINDOWSEAT_TINY;
if (TINY !== undefined) MODELS["a tiny model"] = () => openBundle(TINY, { fetch: fetchFromDisk });

const PROMPT = madeUp(24);
const REPLY = 5; // tokens after which a stop is the latest
const NEXT = madeUp(9, 77); // what the person says then

const ASK = madeUp(3, 99); // what every prompt ends with, and only asks for an answer
const words = (turn: number): number[] => madeUp(6 + (turn % 5), turn);

interface Turn {
  readonly shown: number[];
  readonly reason: string;
}

/** Ways in which an answer ends after `count` tokens of it. */
const ENDINGS: Record<string, (model: Model, count: number, whole: number[]) => Promise<Turn>> = {
  "a stop between two tokens": (model, count) => interrupted(model, count, "between"),
  "a stop while a token is under way": (model, count) => interrupted(model, count, "under way"),
  "a reader that leaves": (model, count) => interrupted(model, count, "left"),
  "a limit": async (model, count) => turnOf(await run(model, PROMPT, { maxTokens: count })),
  "a stop token": async (model, count, whole) =>
    turnOf(await run(model, PROMPT, { stopTokens: whole.slice(count, count + 1) })),
};

function turnOf({ ids, reason }: { ids: number[]; reason: string }): Turn {
  return { shown: ids, reason };
}

async function interrupted(
  model: Model,
  count: number,
  how: "between" | "under way" | "left",
): Promise<Turn> {
  const stop = new AbortController();
  const options = { sampling: GREEDY, stopTokens: [], signal: stop.signal };
  const tokens = model.first.generate(PROMPT, options);
  const shown: number[] = [];
  while (shown.length < count) {
    const next = tokens.next();
    if (how === "under way" && shown.length === count - 1) stop.abort();
    const step = await next;
    if (step.done) return { shown, reason: step.value };
    shown.push(step.value);
  }
  if (how === "left") return { shown, reason: (await tokens.return("cancelled")).value.toString() };
  stop.abort();
  const end = await tokens.next();
  return { shown, reason: end.done ? end.value : "not over" };
}

/** What a model says after a prompt, and the logits behind the last word of it. */
async function said(model: Model, prompt: readonly number[]) {
  const { ids, cached } = await run(model, prompt, { maxTokens: 3 });
  return { ids, cached, logits: await model.first.logits() };
}

/** The same when it has seen nothing of the prompt before. */
async function fresh(model: Model, prompt: readonly number[]) {
  model.first.reset();
  return await said(model, prompt);
}

const sum = (numbers: readonly number[]): number =>
  numbers.reduce((total, each) => total + each, 0);

function assertSame(
  got: { ids: number[]; logits: Float32Array },
  wanted: { ids: number[]; logits: Float32Array },
  where: string,
): void {
  const scale = wanted.logits.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const error = wanted.logits.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - (got.logits[i] ?? Number.NaN))),
    0,
  );
  assert.ok(error <= 1e-4 * scale, `${where}: logits differ by ${error} of ${scale}`);
  assert.deepEqual(got.ids, wanted.ids, where);
}

for (const [name, open] of Object.entries(MODELS)) {
  describe(`the state of ${name} is that of the text that was shown`, () => {
    const tap = tapGpu(gpu);
    let model: Model;
    before(async () => {
      model = await Model.load(await open(), { gpu: tap.gpu, context: 1024 });
    });
    after(() => model.close());

    for (const [ending, end] of Object.entries(ENDINGS)) {
      it(`after ${ending}, at every token`, async () => {
        model.first.reset();
        const whole = (await run(model, PROMPT, { maxTokens: REPLY })).ids;
        for (let count = 1; count < REPLY; count += 1) {
          // A stop token ends the answer where it comes first.
          if (ending === "a stop token" && whole.indexOf(whole[count] ?? 0) < count) continue;
          model.first.reset();
          const { shown } = await end(model, count, whole);
          assert.deepEqual(shown, whole.slice(0, shown.length), `${ending}, ${count}`);
          assert.ok(
            shown.length === count || count === 1,
            "only a stop before the first shows none",
          );
          const stopped = ending === "a stop token" ? whole.slice(count, count + 1) : [];
          const next = [...PROMPT, ...shown, ...stopped, ...NEXT];
          const got = await said(model, next);
          assert.ok(
            shown.length === 0 || got.cached >= PROMPT.length + shown.length - 1,
            `${got.cached} of ${PROMPT.length} and ${shown.length} were still there`,
          );
          assertSame(got, await fresh(model, next), `${ending}, ${count}`);
        }
      });
    }

    it("after a stop between any two chunks of a prompt", async () => {
      const prompt = madeUp(90);
      const keepAt = [20, 40, 60, 80];
      for (const stopAt of keepAt) {
        for (const next of [prompt, [...prompt.slice(0, 45), ...NEXT]]) {
          model.first.reset();
          const stop = new AbortController();
          const onPrefill = (done: number): void => {
            if (done >= stopAt - 20 && done > 0) stop.abort();
          };
          const { reason } = await run(model, prompt, { signal: stop.signal, onPrefill, keepAt });
          assert.equal(reason, "cancelled");
          assertSame(await said(model, next), await fresh(model, next), `stopped at ${stopAt}`);
        }
      }
    });

    it("for twenty turns, and reads only what is new", async () => {
      model.first.reset();
      const read = callsOfPrefill(tap.device);
      let text: number[] = [];
      for (let turn = 0; turn < 20; turn += 1) {
        const prompt = [...text, ...words(turn), ...ASK];
        const keepAt = [text.length, prompt.length - ASK.length];
        const { ids } = await run(model, prompt, { maxTokens: 4, keepAt });
        // The last token of an answer that was cut off is still to be read.
        const last = turn > 0 ? 1 : 0;
        assert.equal(sum(read()), last + words(turn).length + ASK.length, `turn ${turn}`);
        text = [...prompt, ...ids];
      }
      assertSame(await said(model, [...text, 1]), await fresh(model, [...text, 1]), "at the end");
    });

    it("for twenty turns whose answers the template rewrites, with one asked for again and one question changed", async () => {
      model.first.reset();
      const read = callsOfPrefill(tap.device);
      let text: number[] = [];
      const answer = madeUp(20, 50); // what stands in the next prompt in the place of the answer
      for (let turn = 0; turn < 20; turn += 1) {
        const before = turn > 0 ? [...text, ...answer] : [];
        const talk = async (own: readonly number[]): Promise<number> => {
          const prompt = [...before, ...own, ...ASK];
          const keepAt = [before.length, prompt.length - ASK.length];
          await run(model, prompt, { maxTokens: 2, keepAt });
          return sum(read());
        };
        const own = words(turn);
        assert.equal(await talk(own), before.length - text.length + own.length + ASK.length);
        if (turn % 6 === 3) {
          const changed = madeUp(9, turn + 50);
          assert.ok((await talk(own)) <= ASK.length, `turn ${turn}, asked again`);
          assert.ok((await talk(changed)) <= changed.length + ASK.length, `turn ${turn}, changed`);
          text = [...before, ...changed];
        } else {
          text = [...before, ...own];
        }
      }
      assertSame(await said(model, [...text, 1]), await fresh(model, [...text, 1]), "at the end");
    });
  });
}
