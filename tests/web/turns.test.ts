import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { replace } from "../../web/src/bench/replace.ts";
import { tapGpu } from "../../web/src/bench/tap.ts";
import { fetchFromDisk } from "../../web/src/node/folder.ts";
import { type OpenBundle, openBundle } from "../../web/src/runtime/files.ts";
import { type GenerateOptions, Model } from "../../web/src/runtime/model.ts";
import { gpu, needsGpu } from "./gpu.ts";
import { toyBundle } from "./toy_bundle.ts";
import { GREEDY, madeUp, run } from "./toy_model.ts";

/** Models to talk with: folders by name, in JSON, from whoever runs the tests; and the toy. */
const FOLDERS: Record<string, string> = JSON.parse(process.env.WINDOWSEAT_TINY_MODELS ?? "{}");
const BUNDLES: Record<string, () => Promise<OpenBundle>> = {
  toy: () => openBundle("http://toy", { fetch: toyBundle().fetch }),
};
for (const [name, folder] of Object.entries(FOLDERS)) {
  BUNDLES[name] = () => openBundle(folder, { fetch: fetchFromDisk });
}

const PROMPT = madeUp(40);
const REPLY = 7; // tokens after which a stop is the latest
const NEXT = madeUp(9, 77); // what the person says then

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
  const tokens = model.generate(PROMPT, options);
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

/** What a model says after a prompt that it has never seen the beginning of. */
async function fresh(model: Model, prompt: readonly number[]) {
  model.reset();
  return await said(model, prompt);
}

async function said(
  model: Model,
  prompt: readonly number[],
  options: Partial<GenerateOptions> = {},
) {
  const { ids, cached } = await run(model, prompt, { maxTokens: 1, ...options });
  const logits = await model.logits();
  for (const id of (await run(model, [...prompt, ...ids], { maxTokens: 3 })).ids) ids.push(id);
  return { ids, cached, logits };
}

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

for (const [name, open] of Object.entries(BUNDLES)) {
  describe(`the state of ${name} is that of the text that was shown`, needsGpu, () => {
    for (const [ending, end] of Object.entries(ENDINGS)) {
      it(`after ${ending}, at every token`, async () => {
        const [model, other] = [
          await Model.load(await open(), { gpu }),
          await Model.load(await open(), { gpu }),
        ];
        const whole = (await run(other, PROMPT, { maxTokens: REPLY })).ids;
        for (let count = 1; count < REPLY; count += 1) {
          // A stop token ends the answer where it comes first.
          if (ending === "a stop token" && whole.indexOf(whole[count] ?? 0) < count) continue;
          model.reset();
          const { shown } = await end(model, count, whole);
          assert.deepEqual(shown, whole.slice(0, shown.length), `${ending}, ${count}`);
          assert.ok(
            shown.length === count || count === 1,
            "only a stop before the first shows none",
          );
          const next = [
            ...PROMPT,
            ...shown,
            ...(ending === "a stop token" ? whole.slice(count, count + 1) : []),
            ...NEXT,
          ];
          const got = await said(model, next);
          assertSame(got, await fresh(other, next), `${ending}, ${count}`);
          assert.ok(
            shown.length === 0 || got.cached >= PROMPT.length + shown.length - 1,
            `${got.cached} of ${PROMPT.length} and ${shown.length} were still there`,
          );
        }
        model.close();
        other.close();
      });
    }

    it("after a stop between any two chunks of a prompt", async () => {
      const options = { gpu, context: 256 };
      const model = await Model.load(await open(), options);
      const other = await Model.load(await open(), options);
      const prompt = madeUp(150);
      const keepAt = [30, 60, 90, 120];
      for (let stopAt = 1; stopAt < prompt.length; stopAt += 29) {
        model.reset();
        const stop = new AbortController();
        const onPrefill = (done: number): void => {
          if (done >= stopAt) stop.abort();
        };
        const { reason } = await run(model, prompt, { signal: stop.signal, onPrefill, keepAt });
        assert.equal(reason, "cancelled");
        for (const next of [prompt, [...prompt.slice(0, 75), ...NEXT]]) {
          assertSame(await said(model, next), await fresh(other, next), `stopped at ${stopAt}`);
        }
      }
      model.close();
      other.close();
    });
  });
}

/** Tokens that calls of prefill were really given from now on. */
function countRead(device: GPUDevice | null): () => number {
  assert.ok(device);
  let bytes = 0;
  replace(device.queue, "writeBuffer", (write) => (buffer, at, source, from, length) => {
    if (buffer.label === "tokens") bytes += 4 * (length ?? 0);
    write(buffer, at, source, from, length);
  });
  return () => {
    const tokens = bytes / 4;
    bytes = 0;
    return tokens;
  };
}

describe("a chat of twenty turns", needsGpu, () => {
  const options = { context: 1024 };
  const ask = madeUp(3, 99); // what every prompt ends with, and only asks for an answer
  const words = (turn: number): number[] => madeUp(6 + (turn % 5), turn);

  for (const [name, open] of Object.entries(BUNDLES)) {
    it(`reads only what is new, with ${name}`, async () => {
      const tap = tapGpu(gpu);
      const model = await Model.load(await open(), { ...options, gpu: tap.gpu });
      const read = countRead(tap.device);
      let text: number[] = [];
      for (let turn = 0; turn < 20; turn += 1) {
        const prompt = [...text, ...words(turn), ...ask];
        const keepAt = [text.length, prompt.length - ask.length];
        const { ids } = await run(model, prompt, { maxTokens: 4, keepAt });
        // The last token of an answer that was cut off is still to be read.
        const last = turn > 0 ? 1 : 0;
        assert.equal(read(), last + words(turn).length + ask.length, `turn ${turn}`);
        text = [...prompt, ...ids];
      }
      model.close();
    });

    it(`reads no more when answers are written in another way, or one is asked for again, or the question is changed, with ${name}`, async () => {
      const tap = tapGpu(gpu);
      const model = await Model.load(await open(), { ...options, gpu: tap.gpu });
      const other = await Model.load(await open(), { ...options, gpu });
      const read = countRead(tap.device);
      const pure = model.memoryBytes;
      let text: number[] = [];
      for (let turn = 0; turn < 20; turn += 1) {
        const answer = turn > 0 ? madeUp(20, 50) : [];
        const before = [...text, ...answer];
        const talk = async (own: readonly number[]): Promise<number> => {
          const prompt = [...before, ...own, ...ask];
          const keepAt = [before.length, prompt.length - ask.length];
          const { ids } = await run(model, prompt, { maxTokens: 3, keepAt });
          const count = read();
          if (turn === 19) assert.deepEqual(ids, (await run(other, prompt, { maxTokens: 3 })).ids);
          return count;
        };
        const most = (own: readonly number[]): number => own.length + ask.length;
        const own = words(turn);
        const edited = madeUp(9, turn + 50);
        assert.equal(await talk(own), answer.length + most(own), `turn ${turn}`);
        assert.ok((await talk(own)) <= ask.length, `turn ${turn}, asked again`);
        assert.ok((await talk(edited)) <= most(edited), `turn ${turn}, edited`);
        text = [...before, ...edited];
      }
      assert.ok(model.memoryBytes - pure <= 256 * 2 ** 20);
      model.close();
      other.close();
    });
  }
});
