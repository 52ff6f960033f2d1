import { checkPrompt } from "./checks.ts";
import { type Constraint, stepAhead } from "./constrained.ts";
import { closeExecutor, type Executor, writeToken } from "./executor.ts";
import { WindowseatError } from "./failure.ts";
import { History } from "./history.ts";
import { KvCache } from "./kv_cache.ts";
import type { ModelFacts } from "./load.ts";
import type { EndReason, Sampling } from "./messages.ts";
import type { Pace } from "./pace.ts";
import { type PrefillOptions, submitPrompt } from "./prefill.ts";
import { readBuffer, readSlot, readToken } from "./readback.ts";
import { GREEDY, type Logprobs, readLogprobs } from "./sampling.ts";
import { createSaved, misfit, type Saved } from "./saved.ts";
import { type SnapshotMemory, Snapshots } from "./snapshots.ts";
import { stateBytes } from "./state.ts";
import { copyParts, partBytes, readParts, type StatePart, writeParts } from "./state_parts.ts";

export interface GenerateOptions extends PrefillOptions {
  readonly maxTokens?: number | undefined;
  readonly stopTokens: readonly number[];
  /** Called with each token's log-probabilities just before it is yielded, when `sampling` asks for them. */
  readonly onLogprobs?: (logprobs: Logprobs) => void;
}

/** What the conversations of a model share. */
export interface Shared {
  readonly facts: ModelFacts;
  readonly pace: Pace;
  readonly snapshotMemory: SnapshotMemory;
  /** Frees memory that another conversation holds and can do without for now; false when there is none. */
  readonly spare: () => Promise<boolean>;
}

/**
 * A conversation's state on a model.
 *
 * One call at a time; other conversations may have theirs between any two tokens, and between two chunks of a prompt.
 * Step k+1 is submitted before token k is read; what the state has read is known exactly once nothing is pending.
 */
export class Conversation {
  readonly #shared: Shared;
  readonly #executor: Executor;
  readonly #cache: KvCache;
  readonly #snapshots: Snapshots;
  readonly #history: History;

  constructor(shared: Shared, executor: Executor) {
    this.#shared = shared;
    this.#executor = executor;
    this.#cache = new KvCache(executor, shared.facts.context);
    this.#snapshots = new Snapshots(executor, shared.snapshotMemory);
    this.#history = new History(this.#snapshots);
  }

  /** Bytes of GPU memory that it holds now; more as it grows. */
  get memoryBytes(): number {
    const { state, reads } = this.#executor;
    return stateBytes(state) + reads.bytes + this.#snapshots.bytes;
  }

  /** Tokens that the state has read. */
  get length(): number {
    return this.#history.length;
  }

  /** Tokens of a prompt that would not have to be read. */
  reusable(prompt: readonly number[]): number {
    return this.#history.reusable(prompt);
  }

  /** Forgets everything; the next prompt starts at position 0. */
  reset(): void {
    this.#history.reset();
  }

  /** Reads a prompt, from as far as the state already has it, and gives the first sampled token; null if stopped. */
  async prefill(prompt: readonly number[], options: PrefillOptions): Promise<number | null> {
    const slot = await this.#begin(prompt, options);
    return slot && (await this.#executor.gpu.settled(readToken(slot)));
  }

  /** Reads the prompt and yields tokens until a stop token, which is read into the state but not yielded, or a limit. */
  async *generate(
    prompt: readonly number[],
    options: GenerateOptions,
  ): AsyncGenerator<number, EndReason, undefined> {
    const {
      sampling,
      constraint,
      signal,
      maxTokens = Number.POSITIVE_INFINITY,
      onLogprobs,
    } = options;
    // The last token that there is room for is sampled, but never read by the state.
    const asked = Math.min(maxTokens, this.#shared.facts.context - prompt.length + 1);
    let pending = await this.#begin(prompt, options);
    let room = true;
    for (let count = 1; pending !== null; count += 1) {
      // A token sampled ahead and not read needs nothing: the state has not taken it, and its slot is not mapped.
      if (signal?.aborted) return "cancelled";
      const slot: GPUBuffer = pending;
      if (this.#history.length === this.#cache.positions && count < asked) {
        room = await this.#makeRoom(this.#history.length + 1);
      }
      const ahead = room && count < asked;
      const rest = ahead ? this.#step(sampling, constraint) : null;
      const read = await this.#executor.gpu.settled(readSlot(slot));
      const token = read.getUint32(0, true);
      if (ahead) this.#history.read([token], 0, 1);
      if (options.stopTokens.includes(token)) return "stop";
      pending = rest && (await rest(token));
      if (onLogprobs && sampling.logprobs !== undefined) {
        onLogprobs(readLogprobs(read, sampling.logprobs, this.#shared.facts.manifest.vocabulary));
      }
      yield token;
      if (pending === null) return room ? "length" : "memory";
    }
    return "cancelled";
  }

  /** Makes another conversation, which has read nothing, a copy of this one; false when memory has no room for that. */
  async copyTo(other: Conversation): Promise<boolean> {
    this.#executor.gpu.check();
    const ids = [...this.#history.ids];
    const kept = this.#snapshots.newest(ids.length);
    const lengths = kept.map(({ length }) => length);
    const to = await other.#prepare(ids.length, lengths);
    if (to === null) return false;
    const from = this.#parts(
      ids.length,
      kept.map(({ copy }) => copy),
    );
    copyParts(this.#executor.gpu, from, to);
    other.#history.replace(ids);
    return true;
  }

  /** All that another visit takes to go on from here: the state, and the two places that a chat may go back to. */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    const ids = [...this.#history.ids];
    const kept = this.#snapshots.newest(ids.length);
    const parts = this.#parts(
      ids.length,
      kept.map(({ copy }) => copy),
    );
    const snapshots = kept.map(({ length }) => length);
    const { facts, spare } = this.#shared;
    const { content, seal } = await createSaved(facts, { ids, snapshots }, partBytes(parts));
    await readParts(this.#executor.gpu, parts, content, spare);
    return seal();
  }

  /** Goes on from what was saved, having read nothing so far; false when memory has no room for it. */
  async restore({ ids, snapshots, content }: Saved): Promise<boolean> {
    const parts = await this.#prepare(ids.length, snapshots);
    if (parts === null) return false;
    if (partBytes(parts) !== content.byteLength) throw misfit();
    writeParts(this.#executor.gpu, content, parts);
    this.#history.replace(ids);
    return true;
  }

  /** One decode step with a given token, for verification. */
  async force(token: number): Promise<void> {
    const { context, manifest } = this.#shared.facts;
    const need = this.#history.length + 1;
    if (need > context || !(await this.#makeRoom(need))) {
      const have = Math.min(context, this.#cache.positions);
      throw new WindowseatError(
        "bad_request",
        `${manifest.name} holds ${have} tokens and all are used; load it with a larger context.`,
      );
    }
    writeToken(this.#executor, token);
    const slot = await this.#step(GREEDY, undefined)(token);
    this.#history.read([token], 0, 1);
    await this.#executor.gpu.settled(readToken(slot));
  }

  /** The logits of the last token that was prefilled or decoded. */ // [vocabulary]
  async logits(): Promise<Float32Array<ArrayBuffer>> {
    const { gpu, logits } = this.#executor;
    const bytes = await gpu.settled(readBuffer(gpu.device, logits));
    return new Float32Array(bytes, 0, this.#shared.facts.manifest.vocabulary);
  }

  /** Forgets everything, and gives back the memory that it grew by; nothing may be pending. */
  async clear(): Promise<void> {
    this.reset();
    this.#snapshots.close();
    await this.#cache.shrink(1);
  }

  /** Frees its memory; nothing may be pending. For `Model.end`. */
  close(): void {
    this.#snapshots.close();
    closeExecutor(this.#executor);
  }

  /** Reads tokens[0], which is in the state from here on though its id may not be known yet. */
  #step(sampling: Sampling, constraint: Constraint | undefined): ReturnType<typeof stepAhead> {
    this.#executor.gpu.check();
    return stepAhead(this.#executor, this.#history.length, sampling, constraint);
  }

  /** Whether there is memory for so many positions, of which the state has filled all it has read. */
  async #makeRoom(positions: number): Promise<boolean> {
    return (await this.#reserve(positions)) >= positions;
  }

  /** Positions that there is memory for: `positions` or more, or the most that there is. */
  async #reserve(positions: number): Promise<number> {
    for (;;) {
      const room = await this.#cache.reserve(positions, this.#history.length);
      if (room >= positions || !(await this.#shared.spare())) return room;
    }
  }

  /** The ranges that hold the state after so many tokens, and copies of earlier ones. */
  #parts(length: number, copies: readonly GPUBuffer[]): readonly StatePart[] {
    if (length === 0) return [];
    const snapshots = copies.map((buffer) => ({ buffer, bytes: this.#snapshots.size }));
    return [...this.#cache.parts(length), ...this.#snapshots.parts(), ...snapshots];
  }

  /** The same, empty, for a state that has read nothing; null when memory has no room for it. */
  async #prepare(
    length: number,
    snapshots: readonly number[],
  ): Promise<readonly StatePart[] | null> {
    if (!(await this.#makeRoom(length))) return null;
    const copies: GPUBuffer[] = [];
    for (const at of snapshots) {
      const copy = await this.#snapshots.place(at);
      if (copy === null) return null;
      copies.push(copy);
    }
    return this.#parts(length, copies);
  }

  /** Brings the state to the longest known beginning of the prompt and submits the rest. */
  async #begin(prompt: readonly number[], options: PrefillOptions): Promise<GPUBuffer | null> {
    // Whoever was stopped while waiting for a turn has asked for nothing: the state stays as it is.
    if (options.signal?.aborted) return null;
    checkPrompt(this.#shared.facts, prompt);
    this.#executor.gpu.check();
    const room = await this.#reserve(prompt.length);
    if (room < prompt.length) {
      throw new WindowseatError(
        "prompt_too_long",
        `The conversation has ${prompt.length} tokens and this GPU has memory for ${room}; close other pages, or start a new conversation.`,
      );
    }
    if (this.#history.rewind(prompt) === 0) await this.#cache.shrink(prompt.length);
    return await submitPrompt(this.#executor, this.#history, this.#shared.pace, prompt, options);
  }
}
