import { checkPrompt } from "./checks.ts";
import type { CallCounts } from "./count_calls.ts";
import {
  type Executor,
  GREEDY,
  submitChunk,
  submitLastChunk,
  submitStep,
  writeToken,
} from "./executor.ts";
import { WindowseatError } from "./failure.ts";
import type { OpenBundle } from "./files.ts";
import { continues, restoreSnapshot, type Snapshot, saveSnapshot } from "./history.ts";
import { type Assembled, assemble, type LoadOptions, type ModelFacts } from "./load.ts";
import type { Sampling } from "./messages.ts";
import { readBuffer, readToken } from "./readback.ts";

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

  private constructor({ facts, calls, executor, snapshot }: Assembled) {
    this.facts = facts;
    this.calls = calls;
    this.#executor = executor;
    this.#snapshot = snapshot;
  }

  /** Loads an open bundle onto the GPU. */
  static async load(bundle: OpenBundle, options: LoadOptions = {}): Promise<Model> {
    return new Model(await assemble(bundle, options));
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
    checkPrompt(this.facts.manifest, this.facts.context, prompt);
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
}
