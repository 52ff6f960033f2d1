import { type CallCounts, countCalls } from "../../web/src/bench/count_calls.ts";
import { replace } from "../../web/src/bench/replace.ts";
import { tapGpu } from "../../web/src/bench/tap.ts";
import type { Constraint } from "../../web/src/runtime/constrained.ts";
import type { GenerateOptions } from "../../web/src/runtime/conversation.ts";
import { openBundle } from "../../web/src/runtime/files.ts";
import type { LoadOptions } from "../../web/src/runtime/load.ts";
import type { Sampling } from "../../web/src/runtime/messages.ts";
import { Model } from "../../web/src/runtime/model.ts";
import { gpu } from "./gpu.ts";
import { type ToyBundle, toyBundle } from "./toy_bundle.ts";

export const GREEDY: Sampling = { temperature: 0, top_k: 0, top_p: 1, seed: 0 };

/** Ids that mean nothing: the same ones every time, and others after another start. */
export function madeUp(length: number, start = 5): number[] {
  return Array.from({ length }, (_, i) => (i * 37 + start) % 151);
}

export async function load(
  toy: ToyBundle = toyBundle(),
  options: LoadOptions = {},
): Promise<Model> {
  const bundle = await openBundle("http://toy", { fetch: toy.fetch });
  return await Model.load(bundle, { gpu, ...options });
}

/** What a model calls of the GPU for ten tokens after the first. */
export async function callsOfTen(
  prompt: readonly number[],
  sampling: Sampling,
  constraint?: Constraint,
  toy: ToyBundle = toyBundle(),
): Promise<CallCounts> {
  const tap = tapGpu(gpu);
  const model = await load(toy, { gpu: tap.gpu });
  const tokens = model.first.generate(prompt, { sampling, constraint, stopTokens: [] });
  await tokens.next();
  if (!tap.device) throw new Error("the model has no device");
  const { counts, stop } = countCalls(tap.device);
  for (let i = 0; i < 10; i += 1) await tokens.next();
  stop();
  await tokens.return("cancelled");
  model.close();
  return counts;
}

/** Gives the tokens of each call of prefill since it was asked last. */
export function callsOfPrefill(device: GPUDevice | null): () => number[] {
  if (!device) throw new Error("the model has no device");
  const calls: number[] = [];
  replace(device.queue, "writeBuffer", (write) => (buffer, at, source, from, length) => {
    if (buffer.label === "tokens") calls.push(length ?? 0);
    write(buffer, at, source, from, length);
  });
  return () => calls.splice(0);
}

/** Runs a generation to its end. */
export async function run(
  model: Model,
  prompt: readonly number[],
  options: Partial<GenerateOptions> = {},
): Promise<{ ids: number[]; reason: string; cached: number }> {
  let cached = -1;
  const tokens = model.first.generate(prompt, {
    sampling: GREEDY,
    stopTokens: [],
    onPrefill: (_done, _total, reused) => {
      cached = reused;
    },
    ...options,
  });
  const ids: number[] = [];
  let step = await tokens.next();
  for (; !step.done; step = await tokens.next()) ids.push(step.value);
  return { ids, reason: step.value, cached };
}
