import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { countCalls } from "../../web/src/bench/count_calls.ts";
import { tapGpu } from "../../web/src/bench/tap.ts";
import { fetchFromDisk } from "../../web/src/node/folder.ts";
import { WindowseatError } from "../../web/src/runtime/failure.ts";
import { Field } from "../../web/src/runtime/fields.ts";
import { openBundle } from "../../web/src/runtime/files.ts";
import { BLOCK, KvCache, roomFor } from "../../web/src/runtime/kv_cache.ts";
import { assemble } from "../../web/src/runtime/load.ts";
import { createSnapshotMemory, Snapshots } from "../../web/src/runtime/snapshots.ts";
import { gpu } from "./gpu.ts";
import { gpuWithMemory } from "./small_gpu.ts";
import { simulate, toyBundle } from "./toy_bundle.ts";
import { GREEDY, load, madeUp, run } from "./toy_model.ts";

const CONTEXT = 4096;
/** Bytes of one position in the toy's cache, which is one buffer. */
const POSITION = 4;

describe("the memory of a model", () => {
  it("grows by a block while it decodes, and only what binds the cache is bound anew", async () => {
    const tap = tapGpu(gpu);
    const model = await load(toyBundle(), { context: CONTEXT, gpu: tap.gpu });
    const prompt = madeUp(BLOCK - 4);
    await run(model, prompt.slice(0, 400), { maxTokens: 1 });
    const tokens = model.first.generate(prompt, { sampling: GREEDY, stopTokens: [] });
    const made = [(await tokens.next()).value];
    const before = model.memoryBytes;
    assert.ok(tap.device);
    const counting = countCalls(tap.device);
    for (let i = 0; i < 9; i += 1) made.push((await tokens.next()).value);
    counting.stop();
    await tokens.return("cancelled");
    assert.deepEqual(made, simulate(prompt, 10));
    assert.equal(model.memoryBytes - before, POSITION * BLOCK);
    assert.equal(counting.counts.dispatches, 4 * 9);
    assert.equal(counting.counts.bindGroups, 1, "prefill and decode share the step that binds it");
    model.close();
  });

  it("grows once for a long prompt, and is given back when another conversation begins", async () => {
    const model = await load(toyBundle(), { context: CONTEXT });
    const start = model.memoryBytes;
    const long = madeUp(2000);
    assert.deepEqual((await run(model, long, { maxTokens: 3 })).ids, simulate(long, 3));
    assert.equal(model.memoryBytes - start, POSITION * (roomFor(2000, CONTEXT) - BLOCK));
    assert.deepEqual((await run(model, [7, 8], { maxTokens: 3 })).ids, simulate([7, 8], 3));
    assert.equal(model.memoryBytes, start);
    model.close();
  });

  it("never grows beyond the context", async () => {
    const model = await load(toyBundle(), { context: 1500 });
    const start = model.memoryBytes;
    const prompt = madeUp(1495);
    const { ids, reason } = await run(model, prompt);
    assert.deepEqual(ids, simulate(prompt, 6));
    assert.equal(reason, "length");
    assert.equal(model.memoryBytes - start, POSITION * (1500 - BLOCK));
    model.close();
  });

  it("is what the device was really asked for", async () => {
    const tap = tapGpu(gpu);
    const model = await load(toyBundle(), { context: CONTEXT, gpu: tap.gpu });
    assert.equal(model.memoryBytes, tap.bytes);
    for (const length of [40, 700, 1700, 30]) {
      await run(model, madeUp(length, length), { maxTokens: 4, keepAt: [20, length - 5] });
      assert.equal(model.memoryBytes, tap.bytes);
    }
    model.close();
  });

  it("that runs out says how much fits, and the conversation goes on", async () => {
    let most = 2 ** 20;
    const model = await load(toyBundle(), { context: CONTEXT, gpu: gpuWithMemory(() => most) });
    const prompt = madeUp(400);
    const { ids } = await run(model, prompt, { maxTokens: 5 });
    most = model.memoryBytes + POSITION * 2500; // one block more, while the old one is still there
    const long = [...prompt, ...ids, ...madeUp(3000)];
    await assert.rejects(
      () => run(model, long),
      (error) =>
        error instanceof WindowseatError &&
        error.code === "prompt_too_long" &&
        /3405 tokens and this GPU has memory for 2048; close/.test(error.message),
    );
    const next = [...prompt, ...ids, 1, 2, 3];
    const again = await run(model, next, { maxTokens: 5 });
    assert.equal(again.cached, prompt.length + 4);
    assert.deepEqual(again.ids, simulate(next, 5));
    model.close();
  });

  it("that runs out in the middle of an answer ends it there", async () => {
    let most = 2 ** 20;
    const model = await load(toyBundle(), { context: CONTEXT, gpu: gpuWithMemory(() => most) });
    const prompt = madeUp(BLOCK - 4);
    await run(model, prompt.slice(0, 400), { maxTokens: 1 });
    most = model.memoryBytes;
    const { ids, reason } = await run(model, prompt);
    assert.equal(reason, "memory");
    assert.deepEqual(ids, simulate(prompt, 5));
    most = 2 ** 20;
    const next = [...prompt, ...ids];
    const more = await run(model, next, { maxTokens: 5 });
    assert.equal(more.cached, BLOCK);
    assert.deepEqual(more.ids, simulate(next, 5));
    model.close();
  });
});

describe("memory that is short for a moment", () => {
  it("costs the conversation no place to go back to later on", async () => {
    let most = 2 ** 20;
    const model = await load(toyBundle(), { context: CONTEXT, gpu: gpuWithMemory(() => most) });
    most = 0;
    await run(model, madeUp(40), { maxTokens: 1, keepAt: [30] });
    most = 2 ** 20;
    const prompt = madeUp(40, 7);
    await run(model, prompt, { maxTokens: 1, keepAt: [30] });
    const next = [...prompt.slice(0, 30), 1, 2, 3];
    const { cached, ids } = await run(model, next, { maxTokens: 2 });
    assert.equal(cached, 30);
    assert.deepEqual(ids, simulate(next, 2));
    model.close();
  });

  it("is taken from whoever waits, for a place that a chat cannot do without", async () => {
    let most = 2 ** 20;
    let spared = 0;
    const model = await load(toyBundle(), { context: CONTEXT, gpu: gpuWithMemory(() => most) });
    model.spare = async () => {
      spared += 1;
      most = 2 ** 20;
      return true;
    };
    most = 0;
    const prompt = madeUp(40);
    await run(model, prompt, { maxTokens: 1, keepAt: [30] });
    const { cached } = await run(model, [...prompt.slice(0, 30), 1, 2], { maxTokens: 1 });
    assert.deepEqual([cached, spared], [30, 1]);
    model.close();
  });
});

/** The folder of a compiled model, from whoever runs the tests. */
const DEMO = process.env.WINDOWSEAT_DEMO;

describe("the memory in report.json", { skip: DEMO === undefined }, () => {
  it("is what the device was really asked for, within 3 %", async () => {
    const bundle = await openBundle(DEMO ?? "", { fetch: fetchFromDisk });
    const tap = tapGpu(gpu);
    const { executor, facts } = await assemble(bundle, { gpu: tap.gpu });
    const cache = new KvCache(executor, facts.context);
    const snapshots = new Snapshots(
      executor,
      createSnapshotMemory(async () => false),
    );
    const report: unknown = JSON.parse(new TextDecoder().decode(await bundle.read("report.json")));
    const table = new Field("report", report)
      .get("variants")
      .get(facts.variant)
      .get("gpu_memory_by_context").object;
    for (let length = 1; length < 12; length += 1) await snapshots.save(length);
    const contexts = Object.keys(table).map(Number);
    assert.ok(contexts.length >= 2);
    for (const context of contexts) {
      // Where a prompt of that length has half a block for its answer.
      await cache.reserve(context - BLOCK / 2, 0);
      const said = Number(table[context]);
      const error = Math.abs(tap.bytes - said) / tap.bytes;
      assert.ok(error < 0.03, `${context} tokens: ${said} in the report, ${tap.bytes} in truth`);
    }
    executor.gpu.close();
  });
});
