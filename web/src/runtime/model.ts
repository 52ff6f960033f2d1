import {
  type Choice,
  chooseVariant,
  describeAdapter,
  requestAdapter,
  requestDevice,
} from "./adapter.ts";
import { type BuiltKernel, bindPlan, buildKernels, createBuffers } from "./bind.ts";
import { type CallCounts, countCalls } from "./count_calls.ts";
import {
  createExecutor,
  type Executor,
  submitChunk,
  submitLastChunk,
  submitStep,
  writeToken,
} from "./executor.ts";
import { WindowseatError } from "./failure.ts";
import type { OpenBundle } from "./files.ts";
import type { Bundle } from "./format.ts";
import { Gpu } from "./gpu.ts";
import {
  continues,
  createSnapshot,
  restoreSnapshot,
  type Snapshot,
  saveSnapshot,
} from "./history.ts";
import type { LoadStage, Sampling } from "./messages.ts";
import { readBuffer, readToken } from "./readback.ts";
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

export interface PrefillOptions {
  readonly sampling: Sampling;
  readonly signal?: AbortSignal | undefined;
  /** Tokens of the prompt that the next prompt will probably share: the state there is kept. */
  readonly keepAt?: number | undefined;
  readonly onPrefill?: (done: number, total: number, cached: number) => void;
}

export interface GenerateOptions extends PrefillOptions {
  readonly maxTokens?: number | undefined;
  readonly stopTokens: readonly number[];
}

export type EndReason = "stop" | "length" | "cancelled";

export interface ModelFacts {
  readonly manifest: Bundle;
  readonly variant: string;
  readonly context: number;
  readonly adapter: string;
}

const GREEDY: Sampling = { temperature: 0, top_k: 0, top_p: 1, seed: 0 };

/**
 * A model on a GPU with one conversation's state.
 *
 * One call at a time. Step k+1 is submitted before token k is read, so the state may have read a token that was never
 * given out; `#consumed` is always the exact list once nothing is pending.
 */
export class Model {
  readonly facts: ModelFacts;
  /** Null unless counting was asked for. */
  readonly calls: Readonly<CallCounts> | null;
  readonly #executor: Executor;
  readonly #snapshot: Snapshot;
  #consumed: number[] = [];

  private constructor(
    facts: ModelFacts,
    calls: Readonly<CallCounts> | null,
    executor: Executor,
    snapshot: Snapshot,
  ) {
    this.facts = facts;
    this.calls = calls;
    this.#executor = executor;
    this.#snapshot = snapshot;
  }

  /** Loads an open bundle onto the GPU, warm: the first token costs what every token costs. */
  static async load(bundle: OpenBundle, options: LoadOptions = {}): Promise<Model> {
    const { manifest } = bundle;
    const context = checkContext(manifest, options.context ?? manifest.context.default);
    const adapter = await requestAdapter(options.gpu ?? globalThis.navigator?.gpu);
    const choice = await chooseVariant(adapter, bundle, context, options.variant);
    options.signal?.throwIfAborted();
    const device = await requestDevice(adapter, choice);
    const calls = options.countCalls ? countCalls(device) : null;
    const gpu = new Gpu(device);
    try {
      const facts = {
        manifest,
        variant: choice.variant.name,
        context,
        adapter: describeAdapter(adapter),
      };
      const model = await build(gpu, bundle, choice, context, options, (executor, snapshot) => {
        return new Model(facts, calls, executor, snapshot);
      });
      await model.#warmUp();
      options.signal?.throwIfAborted();
      return model;
    } catch (error) {
      gpu.close();
      throw error;
    }
  }

  /** Forgets the conversation; the next prompt starts at position 0. */
  reset(): void {
    this.#consumed = [];
    this.#snapshot.ids = null;
  }

  /** Reads a prompt, from as far as the state already has it, and gives the first sampled token; null if stopped. */
  async prefill(prompt: readonly number[], options: PrefillOptions): Promise<number | null> {
    const slot = await this.#begin(prompt, options);
    return slot && (await this.#executor.gpu.settled(readToken(slot)));
  }

  /** Reads the prompt and yields tokens until one of the stop tokens, which it keeps, or a limit. */
  async *generate(
    prompt: readonly number[],
    options: GenerateOptions,
  ): AsyncGenerator<number, EndReason, undefined> {
    const { sampling, signal, maxTokens = Number.POSITIVE_INFINITY } = options;
    // The last token that the context leaves room for is sampled, but never consumed.
    const limit = Math.min(maxTokens, this.facts.context - prompt.length + 1);
    let pending = await this.#begin(prompt, options);
    for (let count = 1; pending !== null; count += 1) {
      // A token sampled ahead and not read needs nothing: the state has not taken it, and its slot is not mapped.
      if (signal?.aborted) return "cancelled";
      const slot: GPUBuffer = pending;
      pending = count < limit ? this.#step(sampling) : null;
      const token = await this.#executor.gpu.settled(readToken(slot));
      if (pending) this.#consumed.push(token);
      if (options.stopTokens.includes(token)) return "stop";
      if (signal?.aborted) return "cancelled";
      yield token;
      if (pending === null) return "length";
    }
    return "cancelled";
  }

  /** One decode step with a given token, for verification. */
  async force(token: number): Promise<void> {
    const { context, manifest } = this.facts;
    if (this.#consumed.length >= context) {
      throw new WindowseatError(
        "bad_request",
        `${manifest.name} holds ${context} tokens and all are used; load it with a larger context.`,
      );
    }
    writeToken(this.#executor, token);
    const slot = this.#step(GREEDY);
    this.#consumed.push(token);
    await this.#executor.gpu.settled(readToken(slot));
  }

  /** The logits of the last token that was prefilled or decoded. */ // [vocabulary]
  async logits(): Promise<Float32Array<ArrayBuffer>> {
    const { gpu, logits } = this.#executor;
    const bytes = await gpu.settled(readBuffer(gpu.device, logits));
    return new Float32Array(bytes, 0, this.facts.manifest.vocabulary);
  }

  /** Frees the GPU; whatever is pending fails. */
  close(): void {
    this.#executor.gpu.close();
  }

  /** Consumes tokens[0], which is in the state from here on though its id may not be known yet. */
  #step(sampling: Sampling): GPUBuffer {
    this.#executor.gpu.check();
    return submitStep(this.#executor, this.#consumed.length, sampling);
  }

  /** Submits the whole prompt, chunk by chunk, and gives the slot of the first token; null if stopped on the way. */
  async #begin(prompt: readonly number[], options: PrefillOptions): Promise<GPUBuffer | null> {
    const { sampling, signal, onPrefill = () => {} } = options;
    const { gpu, ids } = this.#executor;
    checkPrompt(this.facts, prompt);
    gpu.check();
    const cached = this.#rewind(prompt);
    const keepAt = options.keepAt ?? 0;
    onPrefill(cached, prompt.length, cached);
    let submitted = Promise.resolve<unknown>(null);
    for (let from = cached; ; ) {
      if (signal?.aborted) return null;
      const whole = Math.min(from + ids.length, prompt.length);
      const to = from < keepAt && keepAt < whole ? keepAt : whole;
      if (to === prompt.length) {
        const slot = submitLastChunk(this.#executor, prompt, from, to, sampling);
        this.#consumed = [...prompt];
        await gpu.settled(submitted);
        onPrefill(to, prompt.length, cached);
        return slot;
      }
      submitChunk(this.#executor, prompt, from, to);
      this.#consumed = prompt.slice(0, to);
      if (to === keepAt) saveSnapshot(gpu.device, this.#snapshot, this.#consumed);
      // One chunk runs while the next is recorded; the wait also lets a stop come in.
      await gpu.settled(submitted);
      if (from > cached) onPrefill(from, prompt.length, cached);
      submitted = gpu.device.queue.onSubmittedWorkDone();
      from = to;
    }
  }

  /** Brings the state to the longest known beginning of the prompt and gives its length. */
  #rewind(prompt: readonly number[]): number {
    const { device } = this.#executor.gpu;
    const kept = this.#snapshot.ids;
    if (!continues(this.#consumed, prompt)) {
      const usable = kept !== null && continues(kept, prompt);
      if (usable) restoreSnapshot(device, this.#snapshot);
      this.#consumed = usable ? [...kept] : [];
    }
    // A conversation that begins before the snapshot's end overwrites the positions it stands on.
    if (kept && this.#consumed.length < kept.length) this.#snapshot.ids = null;
    return this.#consumed.length;
  }

  /** Runs every program once: drivers compile at the first launch, and a launch they reject fails here, named. */
  async #warmUp(): Promise<void> {
    const { gpu } = this.#executor;
    const first = await gpu.guarded("the launch of prefill", () =>
      submitLastChunk(this.#executor, [0], 0, 1, GREEDY),
    );
    await gpu.settled(readToken(first));
    const second = await gpu.guarded("the launch of decode", () =>
      submitStep(this.#executor, 0, GREEDY),
    );
    await gpu.settled(readToken(second));
  }
}

/** Buffers, kernels and weights: the kernels compile while the weights come in. */
async function build(
  gpu: Gpu,
  bundle: OpenBundle,
  { plan, variant }: Choice,
  context: number,
  { signal, onProgress = () => {} }: LoadOptions,
  make: (executor: Executor, snapshot: Snapshot) => Model,
): Promise<Model> {
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
    return make(createExecutor(gpu, bound, chunk), snapshot);
  });
}

function checkContext({ name, context: { max } }: Bundle, context: number): number {
  if (Number.isSafeInteger(context) && context >= 1 && context <= max) return context;
  throw new WindowseatError(
    "bad_request",
    `${name} was asked for a context of ${context} tokens and takes 1 to ${max}; ask for one of those.`,
  );
}

function checkPrompt({ context, manifest }: ModelFacts, prompt: readonly number[]): void {
  if (prompt.length === 0) {
    throw new WindowseatError("empty_prompt", "The prompt is empty; write something first.");
  }
  if (prompt.length > context) {
    throw new WindowseatError(
      "prompt_too_long",
      `The conversation has ${prompt.length} tokens and ${manifest.name} holds ${context}; start a new conversation or load it with a larger context.`,
    );
  }
  const strange = prompt.find((id) => id >= manifest.vocabulary || id < 0);
  if (strange !== undefined) {
    throw new WindowseatError(
      "bad_request",
      `The prompt has the token ${strange} and ${manifest.name} knows ${manifest.vocabulary}; its tokenizer and its weights do not belong together.`,
    );
  }
}
