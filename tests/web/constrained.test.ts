import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Constraint } from "../../web/src/runtime/constrained.ts";
import type { Model } from "../../web/src/runtime/model.ts";
import "./gpu.ts";
import { simulate, VOCABULARY } from "./toy_bundle.ts";
import { callsOfTen, GREEDY, load, madeUp, run } from "./toy_model.ts";

const PROMPT = madeUp(21);

/** Whether a token may come after so many others, the last of which is `last`. */
const rule = (id: number, count: number, last: number): boolean =>
  (id * 13 + count + last) % 5 === 0;

/** Holds an answer to the rule, and notes what it was told. */
function ruled(): Constraint & { readonly heard: number[] } {
  const heard: number[] = [];
  return {
    heard,
    accept: (token) => heard.push(token),
    allowed: async () => {
      const mask = new Int32Array(Math.ceil(VOCABULARY / 32));
      for (let id = 0; id < VOCABULARY; id += 1) {
        if (!rule(id, heard.length, heard.at(-1) ?? 0)) continue;
        mask[id >> 5] = (mask[id >> 5] ?? 0) | (1 << (id & 31));
      }
      return mask;
    },
  };
}

const masked = (logits: readonly number[], made: readonly number[]): number[] =>
  logits.map((logit, id) => (rule(id, made.length, made.at(-1) ?? 0) ? logit : -1e30));

describe("a constrained answer", () => {
  let model: Model;
  before(async () => {
    model = await load();
  });
  after(() => model.close());

  it("has the likeliest of the allowed tokens at every place", async () => {
    const expected = simulate(PROMPT, 20, masked);
    assert.notDeepEqual(expected, simulate(PROMPT, 20));
    const constraint = ruled();
    assert.deepEqual((await run(model, PROMPT, { constraint, maxTokens: 20 })).ids, expected);
    assert.deepEqual(constraint.heard, expected.slice(0, -1));
    assert.deepEqual((await run(model, PROMPT, { maxTokens: 20 })).ids, simulate(PROMPT, 20));
  });

  it("is not moved by a bias on tokens that are not allowed", async () => {
    const banned = simulate(PROMPT, 20).filter((id) => !rule(id, 0, 0));
    const sampling = { ...GREEDY, logit_bias: Object.fromEntries(banned.map((id) => [id, 100])) };
    const expected = simulate(PROMPT, 12, (logits, made) =>
      masked(
        logits.map((logit, id) => logit + (banned.includes(id) ? 100 : 0)),
        made,
      ),
    );
    const options = { sampling, constraint: ruled(), maxTokens: 12 };
    assert.deepEqual((await run(model, PROMPT, options)).ids, expected);
  });

  for (const count of [1, 2, 6]) {
    it(`leaves the state of exactly what was shown when it is ended after ${count} tokens`, async () => {
      const next = madeUp(9, 77);
      const shown = simulate(PROMPT, count, masked);
      for (const how of ["limit", "left", "stopped", "failed"] as const) {
        model.first.reset();
        const stop = new AbortController();
        const constraint = ruled();
        const failing: Constraint = {
          ...constraint,
          accept: (token) => {
            if (how === "failed" && constraint.heard.length === count - 1) throw new Error("no");
            constraint.accept(token);
          },
        };
        const options = { sampling: GREEDY, stopTokens: [], signal: stop.signal };
        const tokens = model.first.generate(PROMPT, {
          ...options,
          constraint: failing,
          ...(how === "limit" && { maxTokens: count }),
        });
        const read: number[] = [];
        while (read.length < count) {
          const step = await tokens.next().catch(() => ({ done: true, value: 0 }));
          if (step.done) break;
          read.push(Number(step.value));
        }
        if (how === "stopped") stop.abort();
        if (how === "stopped") assert.equal((await tokens.next()).value, "cancelled");
        else await tokens.return("cancelled");
        assert.deepEqual(read, how === "failed" ? shown.slice(0, -1) : shown, how);
        const prompt = [...PROMPT, ...read, ...next];
        const { ids } = await run(model, prompt, { maxTokens: 4 });
        assert.deepEqual(ids, simulate(prompt, 4), how);
      }
    });
  }

  it("costs one more submit, one more launch and two more writes for each token", async () => {
    const free = await callsOfTen(PROMPT, GREEDY);
    const held = await callsOfTen(PROMPT, GREEDY, ruled());
    assert.deepEqual(
      { ...held },
      {
        ...free,
        dispatches: free.dispatches + 10,
        passes: 20,
        submits: 20,
        writes: free.writes + 20,
      },
    );
  });
});
