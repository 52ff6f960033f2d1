import {
  type Choice,
  chooseVariant,
  describeAdapter,
  type KvChoice,
  requestAdapter,
  requestDevice,
} from "./adapter.ts";
import { type BuiltKernel, bindPlan, buildKernels, createBuffers } from "./bind.ts";
import { checkContext } from "./checks.ts";
import { createExecutor, type Executor, GREEDY, submitLastChunk, submitStep } from "./executor.ts";
import type { OpenBundle } from "./files.ts";
import type { Bundle } from "./format.ts";
import { Gpu } from "./gpu.ts";
import { KvCache, roomFor } from "./kv_cache.ts";
import type { LoadStage } from "./messages.ts";
import { readToken } from "./readback.ts";
import { createWeights, fillWeights } from "./shards.ts";
import { Snapshots } from "./snapshots.ts";
import { together } from "./together.ts";

export interface LoadOptions {
  readonly gpu?: GPU | undefined;
  readonly variant?: string | undefined;
  /** Tokens that a conversation may hold, at most; undefined: as many as the bundle says. */
  readonly context?: number | undefined;
  /** How keys and values are stored; undefined: in full, or as the variant that was asked for does. */
  readonly kvCache?: KvChoice | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (stage: LoadStage, done: number, total: number) => void;
}

export interface ModelFacts {
  readonly manifest: Bundle;
  readonly variant: string;
  /** Tokens that a conversation may hold. */
  readonly context: number;
  /** The same as it was asked for: more, where the adapter has no room for all of it. */
  readonly asked: number;
  readonly adapter: string;
}

/** A model on a GPU, ready for its first token. */
export interface Assembled {
  readonly facts: ModelFacts;
  readonly executor: Executor;
  readonly cache: KvCache;
  readonly snapshots: Snapshots;
  /** Bytes of GPU memory that stay as they are. */
  readonly fixedBytes: number;
}

/** Brings an open bundle onto the GPU, warm: the first token costs what every token costs. */
export async function assemble(bundle: OpenBundle, options: LoadOptions): Promise<Assembled> {
  const { manifest } = bundle;
  const asked = checkContext(manifest, options.context ?? manifest.context.default);
  const adapter = await requestAdapter(options.gpu ?? globalThis.navigator?.gpu);
  const choice = await chooseVariant(adapter, bundle, asked, options);
  options.signal?.throwIfAborted();
  const device = await requestDevice(adapter, choice);
  const gpu = new Gpu(device);
  try {
    const built = await build(gpu, bundle, choice, options);
    await warmUp(built.executor);
    options.signal?.throwIfAborted();
    const { context, variant } = choice;
    const [name, description] = [variant.name, describeAdapter(adapter)];
    const facts = { manifest, variant: name, context, asked, adapter: description };
    return { facts, ...built };
  } catch (error) {
    gpu.close();
    throw error;
  }
}

/** Buffers, kernels and weights: the kernels compile while the weights come in. */
async function build(
  gpu: Gpu,
  bundle: OpenBundle,
  { plan, variant, context }: Choice,
  { signal, onProgress = () => {} }: LoadOptions,
): Promise<Omit<Assembled, "facts">> {
  const { manifest } = bundle;
  const weights = await gpu.guarded("allocating the weights", () =>
    createWeights(gpu.device, manifest.weights.tensors),
  );
  const buffers = await gpu.guarded("allocating the state", () =>
    createBuffers(gpu.device, plan, roomFor(1, context)),
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
    const executor = createExecutor(gpu, bound, chunk);
    const cache = new KvCache(gpu, bound, plan.buffers, context);
    const snapshots = new Snapshots(gpu, plan.buffers, buffers);
    const made = [...weights.values(), ...buffers.values(), bound.uniforms.buffer];
    const bytes = made.reduce((sum, { size }) => sum + size, executor.reads.bytes);
    return { executor, cache, snapshots, fixedBytes: bytes - cache.bytes };
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
