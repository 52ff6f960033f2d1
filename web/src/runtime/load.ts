import {
  type Choice,
  chooseVariant,
  describeAdapter,
  requestAdapter,
  requestDevice,
} from "./adapter.ts";
import { type BuiltKernel, bindPlan, buildKernels, createBuffers } from "./bind.ts";
import { checkContext } from "./checks.ts";
import { type CallCounts, countCalls } from "./count_calls.ts";
import { createExecutor, type Executor, GREEDY, submitLastChunk, submitStep } from "./executor.ts";
import type { OpenBundle } from "./files.ts";
import type { Bundle } from "./format.ts";
import { Gpu } from "./gpu.ts";
import { createSnapshot, type Snapshot } from "./history.ts";
import type { LoadStage } from "./messages.ts";
import { readToken } from "./readback.ts";
import { createWeights, fillWeights } from "./shards.ts";
import { together } from "./together.ts";

export interface LoadOptions {
  readonly gpu?: GPU | undefined;
  readonly variant?: string | undefined;
  readonly context?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (stage: LoadStage, done: number, total: number) => void;
  /** Counts the device's calls into `model.calls`, for a benchmark. */
  readonly countCalls?: boolean;
}

export interface ModelFacts {
  readonly manifest: Bundle;
  readonly variant: string;
  readonly context: number;
  readonly adapter: string;
}

/** A model on a GPU, ready for its first token. */
export interface Assembled {
  readonly facts: ModelFacts;
  /** Null unless counting was asked for. */
  readonly calls: Readonly<CallCounts> | null;
  readonly executor: Executor;
  readonly snapshot: Snapshot;
}

/** Brings an open bundle onto the GPU, warm: the first token costs what every token costs. */
export async function assemble(bundle: OpenBundle, options: LoadOptions): Promise<Assembled> {
  const { manifest } = bundle;
  const context = checkContext(manifest, options.context ?? manifest.context.default);
  const adapter = await requestAdapter(options.gpu ?? globalThis.navigator?.gpu);
  const choice = await chooseVariant(adapter, bundle, context, options.variant);
  options.signal?.throwIfAborted();
  const device = await requestDevice(adapter, choice);
  const calls = options.countCalls ? countCalls(device) : null;
  const gpu = new Gpu(device);
  try {
    const built = await build(gpu, bundle, choice, context, options);
    await warmUp(built.executor);
    options.signal?.throwIfAborted();
    const variant = choice.variant.name;
    const facts = { manifest, variant, context, adapter: describeAdapter(adapter) };
    return { facts, calls, ...built };
  } catch (error) {
    gpu.close();
    throw error;
  }
}

/** Buffers, kernels and weights: the kernels compile while the weights come in. */
async function build(
  gpu: Gpu,
  bundle: OpenBundle,
  { plan, variant }: Choice,
  context: number,
  { signal, onProgress = () => {} }: LoadOptions,
): Promise<Pick<Assembled, "executor" | "snapshot">> {
  const { manifest } = bundle;
  const weights = await gpu.guarded("allocating the weights", () =>
    createWeights(gpu.device, manifest.weights.tensors),
  );
  const buffers = await gpu.guarded("allocating the state", () =>
    createBuffers(gpu.device, plan, context),
  );
  // A page shows one stage at a time: kernels that finish early are reported once the weights are there.
  let weightsDone = false;
  let kernelsDone = 0;
  let kernels: readonly BuiltKernel[] = [];
  await together(signal, [
    async () => {
      kernels = await buildKernels(gpu, plan, (done, total) => {
        kernelsDone = done;
        if (weightsDone) onProgress("kernels", done, total);
      });
    },
    async (shared) => {
      await fillWeights(gpu.device, bundle, weights, {
        signal: shared,
        onProgress: (done, total) => onProgress("weights", done, total),
      });
      weightsDone = true;
      onProgress("kernels", kernelsDone, plan.kernels.length);
    },
  ]);
  return await gpu.guarded("binding the plan", () => {
    const chunk = variant.prefill_chunk;
    const bound = bindPlan(gpu.device, plan, kernels, buffers, weights, chunk);
    const snapshot = createSnapshot(gpu.device, plan.buffers, buffers);
    return { executor: createExecutor(gpu, bound, chunk), snapshot };
  });
}

/** Runs every program once: drivers compile at the first launch, and a launch they reject fails here, named. */
async function warmUp(executor: Executor): Promise<void> {
  const { gpu } = executor;
  const first = await gpu.guarded("the launch of prefill", () =>
    submitLastChunk(executor, [0], 0, 1, GREEDY),
  );
  await gpu.settled(readToken(first));
  const second = await gpu.guarded("the launch of decode", () => submitStep(executor, 0, GREEDY));
  await gpu.settled(readToken(second));
}
