import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { WindowseatError } from "../../web/src/runtime/failure.ts";
import "./gpu.ts";
import { CONTEXT, simulate, toyBundle, VOCABULARY } from "./toy_bundle.ts";
import { callsOfTen, GREEDY, load, run } from "./toy_model.ts";

const PROMPT = Array.from({ length: 21 }, (_, i) => (i * 37 + 5) % 250);

describe("a model", () => {
  it("decodes the tokens that the kernels define, from a prompt of several chunks", async () => {
    const model = await load();
    const { ids, reason } = await run(model, PROMPT, { maxTokens: 12 });
    assert.deepEqual(ids, simulate(PROMPT, 12));
    assert.equal(reason, "length");
    model.close();
  });

  it("ends at a stop token and keeps it to itself", async () => {
    const expected = simulate(PROMPT, 6);
    const model = await load();
    const { ids, reason } = await run(model, PROMPT, { stopTokens: expected.slice(5) });
    assert.equal(reason, "stop");
    assert.deepEqual(ids, expected.slice(0, 5));
    model.close();
  });

  it("goes on from its state when the next prompt begins with all it has read", async () => {
    const expected = simulate(PROMPT, 6);
    const model = await load();
    await run(model, PROMPT, { stopTokens: expected.slice(5) });
    const next = [...PROMPT, ...expected, 1, 2, 3];
    const { ids, cached } = await run(model, next, { maxTokens: 4 });
    assert.equal(cached, PROMPT.length + 6, "the stop token was read ahead, and counts");
    assert.deepEqual(ids, simulate(next, 4));
    model.close();
  });

  it("starts again when the next prompt does not begin with what it has read", async () => {
    const model = await load();
    await run(model, PROMPT, { maxTokens: 5 });
    const next = [9, ...PROMPT.slice(1), 3];
    const { ids, cached } = await run(model, next, { maxTokens: 5 });
    assert.equal(cached, 0);
    assert.deepEqual(ids, simulate(next, 5));
    model.close();
  });

  it("goes back to the state it kept when the answer is written differently in the next prompt", async () => {
    const model = await load();
    await run(model, PROMPT, { maxTokens: 5, keepAt: [13] });
    const next = [...PROMPT.slice(0, 13), 7, 7, 7, 7];
    const { ids, cached } = await run(model, next, { maxTokens: 5 });
    assert.equal(cached, 13);
    assert.deepEqual(ids, simulate(next, 5));
    model.close();
  });

  it("does not go back to a kept state whose positions were overwritten", async () => {
    const model = await load();
    await run(model, PROMPT, { maxTokens: 5, keepAt: [13] });
    await run(model, [1, 2, 3], { maxTokens: 5 });
    const next = [...PROMPT.slice(0, 13), 7, 7, 7, 7];
    const { ids, cached } = await run(model, next, { maxTokens: 5 });
    assert.equal(cached, 0);
    assert.deepEqual(ids, simulate(next, 5));
    model.close();
  });

  it("reads the same prompt again as if for the first time", async () => {
    const model = await load();
    // One token is sampled and none consumed: the state has read the prompt exactly, and nothing is left to read.
    await run(model, PROMPT, { maxTokens: 1 });
    const { ids, cached } = await run(model, PROMPT, { maxTokens: 5 });
    assert.equal(cached, 0);
    assert.deepEqual(ids, simulate(PROMPT, 5));
    model.close();
  });

  it("knows what it has read after a stop in the middle of an answer", async () => {
    const expected = simulate(PROMPT, 20);
    const model = await load();
    const stop = new AbortController();
    const tokens = model.first.generate(PROMPT, {
      sampling: GREEDY,
      stopTokens: [],
      signal: stop.signal,
    });
    for (let i = 0; i < 4; i += 1) await tokens.next();
    stop.abort();
    assert.deepEqual(await tokens.next(), { done: true, value: "cancelled" });
    const next = [...PROMPT, ...expected.slice(0, 9)];
    const { ids, cached } = await run(model, next, { maxTokens: 3 });
    assert.ok(cached >= PROMPT.length + 3 && cached <= PROMPT.length + 5, `${cached} cached`);
    assert.deepEqual(ids, expected.slice(9, 12));
    model.close();
  });

  it("knows what it has read when its reader leaves without a stop", async () => {
    const expected = simulate(PROMPT, 20);
    const model = await load();
    for await (const _ of model.first.generate(PROMPT, { sampling: GREEDY, stopTokens: [] })) break;
    const next = [...PROMPT, ...expected.slice(0, 5)];
    assert.deepEqual((await run(model, next, { maxTokens: 3 })).ids, expected.slice(5, 8));
    model.close();
  });

  it("stops between the chunks of a prompt", async () => {
    const model = await load();
    const stop = new AbortController();
    const { ids, reason } = await run(model, PROMPT, {
      signal: stop.signal,
      onPrefill: (done) => {
        if (done > 0) stop.abort();
      },
    });
    assert.deepEqual([ids, reason], [[], "cancelled"]);
    assert.deepEqual((await run(model, PROMPT, { maxTokens: 4 })).ids, simulate(PROMPT, 4));
    model.close();
  });

  it("keeps what it has read when a request was stopped before its turn came", async () => {
    const model = await load();
    const { ids } = await run(model, PROMPT, { maxTokens: 4 });
    const { reason } = await run(model, [9, 9, 9], { signal: AbortSignal.abort() });
    assert.equal(reason, "cancelled");
    const next = [...PROMPT, ...ids, 1];
    const again = await run(model, next, { maxTokens: 4 });
    assert.equal(again.cached, PROMPT.length + 3);
    assert.deepEqual(again.ids, simulate(next, 4));
    model.close();
  });

  it("fills its context to the last position and no further", async () => {
    const model = await load();
    const { ids, reason } = await run(model, PROMPT);
    assert.equal(ids.length, CONTEXT - PROMPT.length + 1);
    assert.deepEqual(ids, simulate(PROMPT, ids.length));
    assert.equal(reason, "length");
    model.close();
  });

  it("draws with a seed that depends on the position and not on the chunks", async () => {
    const sampling = { temperature: 0.5, top_k: 3, top_p: 0.25, min_p: 0.125, seed: 42 };
    const model = await load();
    const { ids } = await run(model, PROMPT, { sampling, maxTokens: 8 });
    assert.equal(new Set(ids).size > 4, true, `drawn: ${ids}`);
    const again = await run(model, PROMPT, { sampling, maxTokens: 8, keepAt: [5] });
    assert.deepEqual(again.ids, ids);
    const other = await run(model, PROMPT, { sampling: { ...sampling, seed: 43 }, maxTokens: 8 });
    assert.notDeepEqual(other.ids, ids);
    model.close();
  });

  it("gives the same logits for forced tokens as for the same tokens in a prompt", async () => {
    const model = await load();
    await model.first.prefill(PROMPT, { sampling: GREEDY });
    await model.first.force(77);
    const forced = await model.first.logits();
    model.first.reset();
    await model.first.prefill([...PROMPT, 77], { sampling: GREEDY });
    assert.deepEqual(forced, await model.first.logits());
    assert.equal(forced.length, VOCABULARY);
    model.close();
  });

  it("makes nothing for a token but one submit of its dispatches", async () => {
    assert.deepEqual(await callsOfTen(PROMPT, GREEDY), {
      dispatches: 40,
      passes: 10,
      submits: 10,
      writes: 10,
      bindGroups: 0,
      buffers: 0,
      pipelines: 0,
    });
  });

  it("leaves out launches until there are positions for them", async () => {
    const toy = toyBundle({
      plan: (usual) => {
        const { decode } = usual.programs;
        const again = decode.slice(0, 1).map((embed) => ({ ...embed, past: 27 }));
        return { ...usual, programs: { ...usual.programs, decode: [...decode, ...again] } };
      },
    });
    // The ten steps leave 23 to 32 positions behind: the five from 28 on launch one kernel more.
    assert.equal((await callsOfTen(PROMPT, GREEDY, undefined, toy)).dispatches, 45);
  });

  it("refuses a prompt that does not fit, with both numbers", async () => {
    const model = await load(toyBundle(), { context: 16 });
    await assert.rejects(
      () => run(model, PROMPT),
      (error) =>
        error instanceof WindowseatError &&
        error.code === "prompt_too_long" &&
        /21 tokens .* 16/.test(error.message),
    );
    model.close();
  });

  it("fails what is pending when it is closed", async () => {
    const model = await load();
    const tokens = model.first.generate(PROMPT, { sampling: GREEDY, stopTokens: [] });
    await tokens.next();
    const pending = tokens.next();
    model.close();
    await assert.rejects(
      async () => {
        await pending;
        await tokens.next();
      },
      (error) => error instanceof WindowseatError && error.code === "device_lost",
    );
  });
});
