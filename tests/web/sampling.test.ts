import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkRequest } from "../../web/src/engine/request.ts";
import type { Sampling } from "../../web/src/runtime/messages.ts";
import type { Logprobs } from "../../web/src/runtime/sampling.ts";

import "./gpu.ts";
import { simulate, VOCABULARY } from "./toy_bundle.ts";
import { callsOfTen, GREEDY, load, madeUp, run } from "./toy_model.ts";

const PROMPT = madeUp(21);
const EVERYTHING: Sampling = {
  temperature: 0.5,
  top_k: 3,
  top_p: 0.25,
  min_p: 0.125,
  seed: 1,
  repetition_penalty: 2,
  logprobs: 20,
};

describe("sampling", () => {
  it("adds the bias to the logits of its tokens, for this request", async () => {
    const model = await load();
    const [first = 0] = simulate(PROMPT, 1);
    const logit_bias: Record<number, number> = { [first]: -100, 17: 90.5, 200: 40 };
    const expected = simulate(PROMPT, 12, (logits) =>
      logits.map((logit, id) => logit + (logit_bias[id] ?? 0)),
    );
    assert.notDeepEqual(expected, simulate(PROMPT, 12));
    const sampling = { ...GREEDY, logit_bias };
    assert.deepEqual((await run(model, PROMPT, { sampling, maxTokens: 12 })).ids, expected);
    const without = await run(model, PROMPT, { maxTokens: 12 });
    assert.deepEqual(without.ids, simulate(PROMPT, 12));
    model.close();
  });

  it("counts what is generated on the GPU, and begins anew with each request", async () => {
    const model = await load();
    const sampling = { ...GREEDY, presence_penalty: 200, frequency_penalty: 150 };
    // So that tokens come again: four of them stand far out.
    const logit_bias = { 3: 1000, 77: 1000, 150: 1000, 201: 1000 };
    const expected = simulate(PROMPT, 30, (logits, made) =>
      logits.map((logit, id) => {
        const times = made.filter((each) => each === id).length;
        return logit + (id in logit_bias ? 1000 : 0) - 150 * times - (times > 0 ? 200 : 0);
      }),
    );
    const options = { sampling: { ...sampling, logit_bias }, maxTokens: 30 };
    const { ids } = await run(model, PROMPT, options);
    assert.deepEqual(ids, expected);
    assert.notDeepEqual(
      (await run(model, PROMPT, { sampling: { ...GREEDY, logit_bias }, maxTokens: 30 })).ids,
      ids,
    );
    assert.deepEqual((await run(model, PROMPT, options)).ids, expected);
    model.close();
  });

  it("penalises the tokens of the prompt and of the answer for repetition", async () => {
    const model = await load();
    const prompt = madeUp(60);
    const expected = simulate(prompt, 30, (logits, made) =>
      logits.map((logit, id) => (prompt.includes(id) || made.includes(id) ? logit / 2 : logit)),
    );
    assert.notDeepEqual(expected, simulate(prompt, 30));
    const sampling = { ...GREEDY, repetition_penalty: 2 };
    assert.deepEqual((await run(model, prompt, { sampling, maxTokens: 30 })).ids, expected);
    model.close();
  });

  it("reports the model's own logits, whatever the request makes of them", async () => {
    const model = await load();
    const heard: Logprobs[] = [];
    const rows: { token: number; logprob: number }[][] = [];
    const expected = simulate(PROMPT, 5, (logits) => {
      rows.push(logits.map((logprob, token) => ({ token, logprob })));
      return logits.map((logit, id) => (id === 17 ? logit + 100 : logit));
    });
    const { ids } = await run(model, PROMPT, {
      sampling: { ...GREEDY, logit_bias: { 17: 100 }, logprobs: 3 },
      maxTokens: 5,
      onLogprobs: (each) => heard.push(each),
    });
    assert.deepEqual(ids, expected);
    const wanted = rows.map((row, i) => ({
      chosen: row[expected[i] ?? 0],
      top: row.toSorted((a, b) => b.logprob - a.logprob).slice(0, 3),
    }));
    assert.deepEqual(heard, wanted);
    model.close();
  });

  it("stays one submit for each token, in which nothing is made", async () => {
    assert.deepEqual(await callsOfTen(PROMPT, EVERYTHING), {
      dispatches: 70,
      passes: 10,
      submits: 10,
      writes: 10,
      bindGroups: 0,
      buffers: 0,
      pipelines: 0,
    });
  });
});

describe("a request", () => {
  const check = (sampling: Partial<Sampling>): void =>
    checkRequest(
      { id: 1, messages: [{ role: "user", content: "x" }], sampling: { ...GREEDY, ...sampling } },
      VOCABULARY,
    );

  it("may ask for what a sampler does, at either end of its range", () => {
    check({});
    check({ ...EVERYTHING, presence_penalty: -2, frequency_penalty: 2, logit_bias: { 260: -100 } });
    check({ temperature: -0, top_k: -0, min_p: -0, seed: -0, logprobs: -0, logit_bias: { 0: -0 } });
    check({ temperature: 100, top_k: 1e12, top_p: 1e-9, min_p: 1, seed: -5, logprobs: 0 });
  });

  it("is refused by the name of what is out of range, in one sentence", () => {
    const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
    const wrong: [Partial<Sampling>, string][] = [
      [{ temperature: -0.1 }, "temperature -0.1 (take 0 to 100)"],
      [{ temperature: nan }, "temperature NaN (take 0 to 100)"],
      [{ temperature: infinity }, "temperature Infinity (take 0 to 100)"],
      [{ top_k: 1.5 }, "top_k 1.5 (take a whole number, 0 for all)"],
      [{ top_k: -1 }, "top_k -1 (take a whole number, 0 for all)"],
      [{ top_p: 0 }, "top_p 0 (take over 0, up to 1)"],
      [{ top_p: nan }, "top_p NaN (take over 0, up to 1)"],
      [{ min_p: 1.01 }, "min_p 1.01 (take 0 to 1)"],
      [{ seed: 0.5 }, "seed 0.5 (take a whole number)"],
      [{ repetition_penalty: 0 }, "repetition_penalty 0 (take over 0, up to 100)"],
      [{ repetition_penalty: -0 }, "repetition_penalty 0 (take over 0, up to 100)"],
      [{ presence_penalty: 2.5 }, "presence_penalty 2.5 (take -2 to 2)"],
      [{ frequency_penalty: -infinity }, "frequency_penalty -Infinity (take -2 to 2)"],
      [{ logprobs: 21 }, "logprobs 21 (take a whole number from 0 to 20)"],
      [{ logit_bias: { 261: 1 } }, "logit_bias for the token 261 (take ids from 0 to 260)"],
      [{ logit_bias: { [-1]: 1 } }, "logit_bias for the token -1 (take ids from 0 to 260)"],
      [{ logit_bias: { 5: nan } }, "logit_bias NaN for the token 5 (take -100 to 100)"],
      [{ logit_bias: { 5: 101 } }, "logit_bias 101 for the token 5 (take -100 to 100)"],
    ];
    for (const [sampling, complaint] of wrong) {
      assert.throws(() => check(sampling), { message: `The request has ${complaint}.` });
    }
  });
});
