import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isSoftware } from "../../web/src/runtime/adapter.ts";
import { openBundle } from "../../web/src/runtime/files.ts";
import { Model } from "../../web/src/runtime/model.ts";
import { gpu } from "./gpu.ts";
import { toyBundle } from "./toy_bundle.ts";
import { failsWith, load } from "./toy_load.ts";

/** The GPU with adapters that offer less than it does. */
function withAdapterLimits(less: Partial<Record<keyof GPUSupportedLimits, number>>): GPU {
  return new Proxy(gpu, {
    get: (target, name) => {
      if (name !== "requestAdapter") return Reflect.get(target, name);
      return async (options?: GPURequestAdapterOptions) => {
        const adapter = await target.requestAdapter(options);
        assert.ok(adapter);
        return new Proxy(adapter, {
          get: (real, member) => {
            const value: unknown = Reflect.get(real, member);
            if (member === "limits")
              return new Proxy(real.limits, {
                get: (all, limit) => Reflect.get(less, limit) ?? Reflect.get(all, limit),
              });
            return typeof value === "function" ? value.bind(real) : value;
          },
        });
      };
    },
  });
}

describe("the choice of a variant", () => {
  const withLimits = (limits: Record<string, number>) =>
    toyBundle({ variants: ([base]) => [{ ...base, limits }] });

  it("names the limit, what the GPU has and what is needed", async () => {
    const toy = withLimits({ maxComputeInvocationsPerWorkgroup: 100_000 });
    const pattern = /its maxComputeInvocationsPerWorkgroup is \d+ and 100000 are needed/;
    await assert.rejects(load(toy), failsWith("adapter_too_small", pattern));
  });

  it("holds as many tokens as a binding of the adapter has room for", async () => {
    const toy = toyBundle({
      plan: (plan) => ({
        ...plan,
        buffers: plan.buffers.map((buffer) =>
          buffer.name === "seen" ? { ...buffer, bytes_per_position: 2 ** 17 } : buffer,
        ),
      }),
    });
    const small = withAdapterLimits({ maxStorageBufferBindingSize: 2 ** 27 });
    const model = await load(toy, { context: 4000, gpu: small });
    assert.equal(model.facts.context, 1024);
    const prompt = Array.from({ length: 1025 }, () => 1);
    const reading = model.first.prefill(prompt, {
      sampling: { temperature: 0, top_k: 0, top_p: 1, seed: 0 },
    });
    await assert.rejects(
      reading,
      failsWith("prompt_too_long", /1025 tokens and toy holds 1024 on this GPU; start a new/),
    );
    model.close();
  });

  it("passes over a variant whose features are not there", async () => {
    const toy = toyBundle({
      variants: ([base]) => [{ ...base, name: "magic", features: ["no-such-feature"] }, base],
    });
    const model = await load(toy);
    assert.equal(model.facts.variant, "base");
    model.close();
    const asked = load(toy, { variant: "magic" });
    await assert.rejects(asked, failsWith("adapter_too_small", /the feature no-such-feature/));
  });

  it("made for software adapters goes first on one, and last nowhere", async () => {
    // The tests run on a software adapter; GPUs are not told apart here but by what an adapter calls itself.
    const toy = toyBundle({
      variants: ([base]) => [base, { ...base, name: "soft", software: true }],
    });
    const model = await load(toy);
    assert.equal(model.facts.variant, "soft");
    model.close();
    const hardware = {
      vendor: "nvidia",
      architecture: "hopper",
      description: "",
      isFallbackAdapter: false,
    };
    assert.equal(isSoftware(hardware), false);
    assert.equal(isSoftware({ ...hardware, vendor: "google", architecture: "swiftshader" }), true);
    assert.equal(isSoftware({ ...hardware, isFallbackAdapter: true }), true);
  });

  it("with a q8 cache is taken by name, or when such a cache is asked for", async () => {
    const toy = toyBundle({
      variants: ([base]) => [{ ...base, name: "small", kv_cache: "q8" }, base],
    });
    for (const [variant, kvCache, taken] of [
      [undefined, undefined, "base"],
      [undefined, "full", "base"],
      [undefined, "q8", "small"],
      ["small", undefined, "small"],
    ] as const) {
      const model = await load(toy, { variant, kvCache });
      assert.equal(model.facts.variant, taken);
      model.close();
    }
  });

  it("that is not in the bundle lists the ones that are", async () => {
    const loading = load(toyBundle(), { variant: "f32" });
    await assert.rejects(loading, failsWith("bad_request", /no variant f32; ask for one of base/));
    const quantised = load(toyBundle(), { variant: "base", kvCache: "q8" });
    await assert.rejects(
      quantised,
      failsWith(
        "bad_request",
        /no variant base with its KV cache in q8; ask for one of base \(f32/,
      ),
    );
  });

  it("refuses a context that the model was not made for", async () => {
    const loading = load(toyBundle(), { context: 5000 });
    await assert.rejects(loading, failsWith("bad_request", /5000 tokens and takes 1 to 4096/));
  });
});

describe("a machine without WebGPU", () => {
  it("fails with its own code where the browser has none", async () => {
    const toy = toyBundle();
    const bundle = await openBundle("http://toy", { fetch: toy.fetch });
    await assert.rejects(Model.load(bundle), failsWith("no_webgpu", /has no WebGPU/));
  });

  it("fails with another where there is no GPU behind it", async () => {
    const toy = toyBundle();
    const bundle = await openBundle("http://toy", { fetch: toy.fetch });
    const blocked = Object.create(gpu, { requestAdapter: { value: async () => null } });
    const loading = Model.load(bundle, { gpu: blocked });
    await assert.rejects(loading, failsWith("no_adapter", /offers no GPU/));
  });
});
