import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Method, profileKernels } from "../../web/src/bench/profile.ts";
import { replace } from "../../web/src/bench/replace.ts";
import { measureRun } from "../../web/src/bench/run.ts";
import { tapGpu } from "../../web/src/bench/tap.ts";
import { gpu } from "./gpu.ts";
import { simulate, toyBundle } from "./toy_bundle.ts";
import { GREEDY, load, madeUp } from "./toy_model.ts";

const PROMPT = madeUp(10);

/** The GPU as one without timestamps. */
function gpuWithoutTimestamps(): GPU {
  const { gpu: hidden } = tapGpu(gpu);
  replace(hidden, "requestAdapter", (request) => async (options) => {
    const adapter = await request(options);
    if (adapter) Object.defineProperty(adapter, "features", { value: new Set() });
    return adapter;
  });
  return hidden;
}

const ways: readonly (readonly [Method, () => GPU])[] = [
  ["timestamp-query", () => gpu],
  ["submits", gpuWithoutTimestamps],
];

describe("a benchmark", () => {
  for (const [method, open] of ways) {
    it(`times every kernel by ${method}, and the kernels still compute what they should`, async () => {
      const tap = tapGpu(open());
      const model = await load(toyBundle(), { gpu: tap.gpu });
      assert.ok(tap.device);
      const profiling = profileKernels(tap.device);
      const token = await model.first.prefill(PROMPT, { sampling: GREEDY });
      const times = await profiling.stop();
      assert.equal(profiling.method, method);
      assert.deepEqual([token], simulate(PROMPT, 1));
      assert.equal(new Set(times.map(({ kernel }) => kernel)).size, times.length);
      assert.ok(times.length >= 4, JSON.stringify(times));
      for (const { kernel, count, ms } of times) assert.ok(count > 0 && ms > 0, kernel);
      // Over: nothing is diverted any more.
      await model.first.force(3);
      assert.deepEqual(await profiling.stop(), times);
      model.close();
    });
  }

  it("ends decoding when its time is up, and has counted what a token takes", async () => {
    const tap = tapGpu(gpu);
    const model = await load(toyBundle(), { gpu: tap.gpu });
    const run = await measureRun(model, tap, 10, 40, 0.001);
    assert.equal(run.tokenMs.length, 1);
    assert.equal(run.perToken.dispatches, 4);
    assert.equal(run.memoryBytes, tap.bytes);
    const whole = await measureRun(model, tap, 10, 6, 1e6);
    assert.deepEqual([whole.tokenMs.length, whole.jsMs.length], [5, 5]);
    model.close();
    assert.ok(run.memoryBytes > 0);
  });
});
