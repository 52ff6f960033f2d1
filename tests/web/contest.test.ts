import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tapGpu } from "../../web/src/bench/tap.ts";
import type { PlanKernel } from "../../web/src/runtime/format.ts";
import "./gpu.ts";
import { gpuWithMemory } from "./small_gpu.ts";
import { BROKEN_RIVAL, SLOW_RIVAL, simulate, type ToyChoice, toyBundle } from "./toy_bundle.ts";
import { failsWith } from "./toy_load.ts";
import { load, madeUp, run } from "./toy_model.ts";

const REVERSED: ToyChoice = {
  ...SLOW_RIVAL,
  variants: (usual) => {
    const [first, ...others] = SLOW_RIVAL.variants?.(usual) ?? usual;
    const last = others.pop();
    return last ? [last, ...others, first] : [first];
  },
};

/** A variant that fits, and one whose scratch is larger than `gpuWithMemory` has room for. */
function largeRival(place: "first" | "last"): ToyChoice {
  return {
    variants: ([base]) => {
      const large = { ...base, name: "large", plan: "plan-large.json" };
      const small = { ...base, name: "small" };
      return place === "first" ? [large, small] : [small, large];
    },
    morePlans: (usual) => ({
      "plan-large.json": {
        ...usual,
        buffers: usual.buffers.map((each) =>
          each.name === "rows" ? { ...each, bytes: 2 ** 22 } : each,
        ),
      },
    }),
  };
}

/** The slow variant, and a quick one whose logits are wrong: before it, or behind it. */
function wrongRival(logit: string, place: "first" | "last" = "first"): ToyChoice {
  return {
    variants: (usual) => {
      const [slow, quick] = SLOW_RIVAL.variants?.(usual) ?? usual;
      const wrong = { ...(quick ?? slow), name: "wrong", plan: "plan-wrong.json" };
      return place === "first" ? [wrong, slow] : [slow, wrong];
    },
    morePlans: (usual) => ({
      ...SLOW_RIVAL.morePlans?.(usual),
      "plan-wrong.json": {
        ...usual,
        kernels: usual.kernels.map((kernel) => spoilt(kernel, logit)),
      },
    }),
  };
}

function spoilt(kernel: PlanKernel, logit: string): PlanKernel {
  if (kernel.name !== "head") return kernel;
  return {
    ...kernel,
    code: kernel.code.replace(/logits\[at\.x\] = .*;/, `logits[at.x] = ${logit};`),
  };
}

describe("a trial of variants", () => {
  for (const [order, choice] of Object.entries({ first: REVERSED, last: SLOW_RIVAL })) {
    it(`finds the faster one that stands ${order}, and starts from a clean state`, async () => {
      const model = await load(toyBundle(choice));
      assert.equal(model.facts.variant, "quick");
      const prompt = madeUp(20);
      const { ids } = await run(model, prompt, { maxTokens: 5 });
      assert.deepEqual(ids, simulate(prompt, 5));
      model.close();
    });
  }

  it("passes over one that computes something else, or nothing, however fast", async () => {
    for (const wrong of ["0.0", "bitcast<f32>(0x7fc00000u + at.x)"]) {
      const model = await load(toyBundle(wrongRival(wrong)));
      assert.equal(model.facts.variant, "slow", wrong);
      model.close();
    }
  });

  it("keeps what it has where the one that asks less computes nothing", async () => {
    const model = await load(toyBundle(wrongRival("bitcast<f32>(0x7fc00000u + at.x)", "last")));
    assert.equal(model.facts.variant, "slow");
    model.close();
  });

  it("leaves out one that does not compile, and one for which memory has no room", async () => {
    const compiled = await load(toyBundle(BROKEN_RIVAL));
    assert.equal(compiled.facts.variant, "quick");
    compiled.close();
    for (const place of ["first", "last"] as const) {
      const small = gpuWithMemory(() => 2 ** 21);
      const model = await load(toyBundle(largeRival(place)), { gpu: small });
      assert.equal(model.facts.variant, "small", place);
      const prompt = madeUp(20);
      assert.deepEqual((await run(model, prompt, { maxTokens: 5 })).ids, simulate(prompt, 5));
      model.close();
    }
  });

  it("leaves nothing behind of one for which memory has no room", async () => {
    const tap = tapGpu(gpuWithMemory(() => 2 ** 21));
    const model = await load(toyBundle(largeRival("last")), { gpu: tap.gpu });
    assert.equal(tap.bytes, model.memoryBytes);
    model.close();
  });

  it("fails where none is left, with the reason", async () => {
    const toy = toyBundle({
      ...BROKEN_RIVAL,
      variants: (usual) => {
        const all = BROKEN_RIVAL.variants?.(usual) ?? usual;
        return [{ ...all[0], plan: "plan-broken.json" }, ...all.slice(1)];
      },
    });
    await assert.rejects(load(toy), failsWith("internal", /the kernel head/));
  });

  it("does not take place where a variant is asked for, or is of another kind", async () => {
    const toy = toyBundle(SLOW_RIVAL);
    const named = await load(toy, { variant: "slow" });
    assert.equal(named.facts.variant, "slow");
    named.close();
    const apart = toyBundle({
      ...SLOW_RIVAL,
      variants: (usual) => {
        const [slow, ...others] = SLOW_RIVAL.variants?.(usual) ?? usual;
        return [slow, ...others.map((each) => ({ ...each, kv_cache: "f16" as const }))];
      },
    });
    const model = await load(apart);
    assert.equal(model.facts.variant, "slow");
    assert.ok(!apart.asked.includes("plan-base.json"), "the plan of a variant out of question");
    model.close();
  });
});
