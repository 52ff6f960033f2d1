import { describeAdapter, requestAdapter, requestDevice } from "./adapter.ts";
import { type Buffers, bindPlan, closePlan, planBytes } from "./bind.ts";
import { type BuiltVariant, buildVariants } from "./build_variants.ts";
import { checkContext } from "./checks.ts";
import { choiceKey, forgetChoice, keepChoice, mayBeItsFault, recalledChoice } from "./choices.ts";
import { type Contestant, fastest } from "./contest.ts";
import {
  beginWarmUp,
  closeExecutor,
  createExecutor,
  type Executor,
  submitPrograms,
} from "./executor.ts";
import { WindowseatError } from "./failure.ts";
import type { OpenBundle } from "./files.ts";
import type { Bundle } from "./format.ts";
import { Gpu } from "./gpu.ts";
import { roomFor } from "./kv_cache.ts";
import type { LoadStage } from "./messages.ts";
import { createWeights, fillWeights } from "./shards.ts";
import { createState } from "./state.ts";
import { together } from "./together.ts";
import { type Choice, type Choices, fittingVariants, type KvChoice } from "./variants.ts";

export interface LoadOptions {
  readonly gpu?: GPU | undefined;
  readonly variant?: string | undefined;
  /** Tokens that a conversation may hold, at most; undefined: as many as the bundle says. */
  readonly context?: number | undefined;
  /** How keys and values are stored; undefined: in full, or as the variant that was asked for does. */
  readonly kvCache?: KvChoice | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (stage: LoadStage, done: number, total: number) => void;
  /** Called when there is nothing to do here for a while but to wait for the GPU. */
  readonly onIdle?: () => void;
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
  /** Of its first state, which it is warm with; its plan serves all others. */
  readonly executor: Executor;
  /** Bytes of GPU memory that all states share. */
  readonly sharedBytes: number;
}

/** Brings an open bundle onto the GPU, warm: the first token costs what every token costs. */
export async function assemble(bundle: OpenBundle, options: LoadOptions): Promise<Assembled> {
  const { manifest } = bundle;
  const asked = checkContext(manifest, options.context ?? manifest.context.default);
  const gpu = options.gpu ?? globalThis.navigator?.gpu;
  let adapter = await requestAdapter(gpu);
  const key = choiceKey(adapter, manifest, options);
  const recalled = await recalledChoice(adapter, bundle, asked, options, key);
  if (recalled !== null) {
    try {
      return await assembleOn(adapter, bundle, recalled, asked, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (!mayBeItsFault(error)) throw error;
      await forgetChoice(key);
      adapter = await requestAdapter(gpu); // which opens one device
    }
  }
  const choices = await fittingVariants(adapter, bundle, asked, options);
  const assembled = await assembleOn(adapter, bundle, choices, asked, options);
  if (choices.length > 1) await keepChoice(key, assembled.facts.variant);
  return assembled;
}

async function assembleOn(
  adapter: GPUAdapter,
  bundle: OpenBundle,
  choices: Choices,
  asked: number,
  options: LoadOptions,
): Promise<Assembled> {
  options.signal?.throwIfAborted();
  const gpu = new Gpu(await requestDevice(adapter, choices));
  try {
    const { choice, ...built } = await build(gpu, bundle, choices, options);
    options.signal?.throwIfAborted();
    const { context, variant } = choice;
    const [name, description] = [variant.name, describeAdapter(adapter)];
    const { manifest } = bundle;
    const facts = { manifest, variant: name, context, asked, adapter: description };
    return { facts, ...built };
  } catch (error) {
    gpu.close();
    throw error;
  }
}

/** Weights and kernels, which compile while the weights come in; then the variant that is fastest here. */
async function build(
  gpu: Gpu,
  bundle: OpenBundle,
  choices: Choices,
  { signal, onProgress = () => {}, onIdle = () => {} }: LoadOptions,
): Promise<Omit<Assembled, "facts"> & { readonly choice: Choice }> {
  const { manifest } = bundle;
  const weights = await gpu.guarded("allocating the weights", () =>
    createWeights(gpu.device, manifest.weights.tensors),
  );
  const total = choices.reduce((sum, { plan }) => sum + plan.kernels.length, 0);
  // A page shows one stage at a time: kernels that finish early are reported once the weights are there.
  let weightsDone = false;
  let kernelsDone = 0;
  let variants: readonly BuiltVariant[] = [];
  let filling = Promise.resolve();
  const tasks = [
    async () => {
      variants = await buildVariants(gpu, choices, () => {
        kernelsDone += 1;
        if (weightsDone) onProgress("kernels", kernelsDone, total);
      });
    },
    async (shared: AbortSignal) => {
      filling = fillWeights(gpu, bundle, weights, {
        signal: shared,
        onProgress: (done, whole) => onProgress("weights", done, whole),
      });
      await filling;
      weightsDone = true;
      onProgress("kernels", kernelsDone, total);
      if (kernelsDone < total) onIdle();
    },
  ];
  try {
    await together(signal, tasks);
  } catch (error) {
    // The device goes next, and with it the memory that shards are read into.
    await filling.catch(() => {});
    throw error;
  }
  const enter = (variant: BuiltVariant) => prepare(gpu, variant, weights, onIdle);
  const { choice, executor } = await fastest(variants, enter, signal);
  const weightBytes = Array.from(weights.values()).reduce((sum, { size }) => sum + size, 0);
  return { choice, executor, sharedBytes: weightBytes + planBytes(executor.plan) };
}

/** Binds a variant and runs it once; what fails leaves no memory taken, as another variant may still do. */
async function prepare(
  gpu: Gpu,
  { choice, kernels }: BuiltVariant,
  weights: Buffers,
  onIdle: () => void,
): Promise<Contestant> {
  const { plan, variant, context } = choice;
  const bound = await gpu.guarded(
    "binding the plan",
    () => bindPlan(gpu.device, plan, kernels, weights, variant.prefill_chunk),
    closePlan,
  );
  let executor: Executor | null = null;
  try {
    const state = await createState(gpu, bound, roomFor(1, context));
    if (state === null) {
      throw new WindowseatError(
        "adapter_too_small",
        "The GPU ran out of memory at allocating the state; close other pages, or pick a smaller model or context.",
      );
    }
    executor = createExecutor(gpu, bound, state, variant.prefill_chunk);
    await warmUp(executor, onIdle);
    return { choice, executor };
  } catch (error) {
    if (executor !== null) closeExecutor(executor);
    closePlan(bound);
    throw error;
  }
}

/** Runs every kernel once: drivers compile at the first launch, and a launch they reject fails here, named. */
async function warmUp(executor: Executor, onIdle: () => void): Promise<void> {
  const { gpu, plan } = executor;
  beginWarmUp(executor);
  const warm = new Set<GPUComputePipeline>();
  for (const [name, program] of Object.entries(plan.programs)) {
    // Layers share their kernels: one launch of each is a fraction of a token.
    const cold = program
      .filter(({ pipeline }) => !warm.has(pipeline) && warm.add(pipeline))
      .map((step) => ({ ...step, past: 0 }));
    await gpu.guarded(`the launch of ${name}`, () => submitPrograms(executor, [cold]));
  }
  const done = gpu.device.queue.onSubmittedWorkDone();
  onIdle();
  await gpu.settled(done);
}
