import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PlanKernel } from "../../web/src/runtime/format.ts";
import "./gpu.ts";
import { SLOW_RIVAL, simulate, type ToyChoice, toyBundle } from "./toy_bundle.ts";
import { load, madeUp, run } from "./toy_model.ts";

const REVERSED: ToyChoice = {
  ...SLOW_RIVAL,
  variants: (usual) => {
    const [first, ...others] = SLOW_RIVAL.variants?.(usual) ?? usual;
    const last = others.pop();
    return last ? [last, ...others, first] : [first];
  },
};

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
