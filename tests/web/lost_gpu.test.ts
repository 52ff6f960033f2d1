import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tapGpu } from "../../web/src/bench/tap.ts";
import { gpu } from "./gpu.ts";
import { simulate, toyBundle } from "./toy_bundle.ts";
import { loadToy, toyText } from "./toy_engine.ts";

describe("a GPU that is lost", () => {
  it("fails the running requests with one error, and the next ones load the model again", async () => {
    const tap = tapGpu(gpu);
    const toy = toyBundle();
    const engine = await loadToy({ context: 4096 }, toy, tap.gpu);
    const session = engine.session();
    const ask = async (prompt: number[]): Promise<number> => {
      const request = { prompt, max_tokens: 8, temperature: 0 };
      const { choices, usage } = await session.completions.create(request);
      assert.equal(choices[0]?.text, toyText(simulate(prompt, 8)));
      return usage.prompt_tokens_details.cached_tokens;
    };
    await ask([1, 2, 3]);
    const long = { prompt: [4, 5], max_tokens: 4000 };
    const running = [engine, engine.session()].map(({ completions }) => completions.create(long));
    const files = toy.asked.length;
    await ask([1, 2, 3, 4]);
    tap.device?.destroy();
    for (const request of running) {
      await assert.rejects(request, { code: "device_lost", message: /lost the GPU.*ask again/ });
    }
    assert.equal(toy.asked.length, files);
    const [first, second] = await Promise.all([ask([1, 2, 3]), ask([1, 2, 3, 7])]);
    assert.deepEqual([first, second], [0, 0], "what was read is lost");
    assert.equal(toy.asked.length, 2 * files, "one load for all that wait");
    engine.close();
    await assert.rejects(ask([1]), /The engine was closed/);
  });
});
