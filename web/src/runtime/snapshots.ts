import type { Executor } from "./executor.ts";
import type { PlanBuffer } from "./format.ts";
import type { Gpu } from "./gpu.ts";
import { allocated, isUncut, keptOf } from "./plan.ts";
import { stateBuffer } from "./state.ts";
import type { StatePart } from "./state_parts.ts";

/** A model's snapshots take no more than this, but for the two that a chat cannot do without. */
const BUDGET_BYTES = 256 * 2 ** 20;
const MOST = 8;
const LEAST = 2;

/** What is left of a model's memory for snapshots, which its conversations share; below 0 where each has its least. */
export interface SnapshotMemory {
  left: number;
  /** Frees memory that another conversation holds and can do without for now; false when there is none. */
  readonly spare: () => Promise<boolean>;
}

export function createSnapshotMemory(spare: SnapshotMemory["spare"]): SnapshotMemory {
  return { left: BUDGET_BYTES, spare };
}

/** A copy of the state as it was after the first `length` tokens of what has been read. */
export interface Snapshot {
  readonly length: number;
  readonly copy: GPUBuffer;
}

interface FixedState {
  readonly state: GPUBuffer;
  /** Where a chunk leaves what it was on the way. */
  readonly passed: GPUBuffer;
  /** Its place in a copy. */
  readonly at: number;
}

/**
 * Copies of the state at places that a conversation may go back to.
 *
 * Only state of a fixed size is copied. State that grows with the context is addressed by position: what stands before
 * a snapshot's end is still there as long as nothing earlier was read anew, and what stands after it is never read.
 */
export class Snapshots {
  /** Bytes of one; 0 for a model whose state is all addressed by position, which can go back to any place without. */
  readonly size: number;
  readonly #gpu: Gpu;
  readonly #memory: SnapshotMemory;
  readonly #states: readonly FixedState[];
  #most = MOST;
  #kept: Snapshot[] = []; // from the shortest to the longest
  readonly #free: GPUBuffer[] = [];

  constructor({ gpu, plan, state }: Executor, memory: SnapshotMemory) {
    let at = 0;
    const states: FixedState[] = [];
    for (const { name } of plan.own.filter(isUncut)) {
      const buffer = stateBuffer(state, name);
      const passed = stateBuffer({ buffers: plan.scratch }, keptOf(name));
      states.push({ state: buffer, passed, at });
      at += buffer.size;
    }
    this.#gpu = gpu;
    this.#memory = memory;
    this.#states = states;
    this.size = at;
  }

  /** Bytes of GPU memory. */
  get bytes(): number {
    return this.size * (this.#kept.length + this.#free.length);
  }

  /** The length of the longest one that is no longer than `length`; 0 if there is none. */
  longest(length: number): number {
    return this.#kept.findLast((each) => each.length <= length)?.length ?? 0;
  }

  /** Keeps the state as it is now, after `length` tokens: more than any that is kept, or as many as the longest. */
  async save(length: number): Promise<void> {
    await this.#save(length, ({ state }) => state);
  }

  /** The same, of the state as the last chunk left it on the way; before anybody else's chunk does. */
  async savePassed(length: number): Promise<void> {
    await this.#save(length, ({ passed }) => passed);
  }

  /** A place for the state as it is after `length` tokens, more than any other's, for the caller to fill; null if there is none. */
  async place(length: number): Promise<GPUBuffer | null> {
    const copy = this.#free.pop() ?? (await this.#another());
    if (copy) this.#kept.push({ length, copy });
    return copy;
  }

  /** The two longest that are no longer than `length`, the shorter one first: without them a chat cannot go on. */
  newest(length: number): readonly Snapshot[] {
    return this.#kept.filter((each) => each.length <= length).slice(-LEAST);
  }

  /** Brings the state back to where it was after `length` tokens, which is the length of one that is kept. */
  restore(length: number): void {
    const copy = this.#kept.find((each) => each.length === length)?.copy;
    if (!copy) return;
    const encoder = this.#gpu.device.createCommandEncoder();
    for (const { state, at } of this.#states) {
      encoder.copyBufferToBuffer(copy, at, state, 0, state.size);
    }
    this.#gpu.device.queue.submit([encoder.finish()]);
  }

  /** The state that is copied, as it is now. */
  parts(): readonly StatePart[] {
    return this.#states.map(({ state }) => ({ buffer: state, bytes: state.size }));
  }

  /** Forgets those of more than `length` tokens; their memory serves the next ones. */
  cut(length: number): void {
    for (const each of this.#kept) if (each.length > length) this.#free.push(each.copy);
    this.#kept = this.#kept.filter((each) => each.length <= length);
    if (length === 0) this.#most = MOST;
  }

  close(): void {
    const copies = [...this.#kept.map(({ copy }) => copy), ...this.#free];
    for (const copy of copies) copy.destroy();
    this.#memory.left += this.size * copies.length;
    this.#kept = [];
    this.#free.length = 0;
    this.#most = MOST;
  }

  async #save(length: number, from: (each: FixedState) => GPUBuffer): Promise<void> {
    if (this.longest(length) === length) return;
    const copy = await this.place(length);
    if (copy === null) return;
    const encoder = this.#gpu.device.createCommandEncoder();
    for (const each of this.#states) {
      encoder.copyBufferToBuffer(from(each), 0, copy, each.at, each.state.size);
    }
    this.#gpu.device.queue.submit([encoder.finish()]);
  }

  /** Memory for one more: new, or that of the one that is missed least; null if there is none at all. */
  async #another(): Promise<GPUBuffer | null> {
    const have = this.#kept.length;
    if (have < this.#most && (have < LEAST || this.#memory.left >= this.size)) {
      const made = await this.#create(have < LEAST);
      if (made) {
        this.#memory.left -= this.size;
        return made;
      }
      // The next conversation tries for more again; the least, without which every turn reads all, is always tried for.
      this.#most = Math.max(have, LEAST);
    }
    const [dropped] = this.#kept.splice(leastMissed(this.#kept.map(({ length }) => length)), 1);
    return dropped?.copy ?? null;
  }

  /** A new buffer, where others have to give up memory for it if it is needed; null if there is none. */
  async #create(isNeeded: boolean): Promise<GPUBuffer | null> {
    const { device } = this.#gpu;
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const create = () => device.createBuffer({ label: "snapshot", size: this.size, usage });
    for (;;) {
      const made = await this.#gpu.tried("keeping the state", create, (full) => full.destroy());
      if (made || !isNeeded || !(await this.#memory.spare())) return made;
    }
  }
}

/** Bytes of one snapshot. */
export function snapshotBytes(planBuffers: readonly PlanBuffer[]): number {
  return planBuffers.filter(isUncut).reduce((sum, buffer) => sum + allocated(buffer, 0), 0);
}

/**
 * Which of these lengths, in rising order, to go without: the newer half stays, and of the older one that is left out
 * which is the closest between its neighbours, so that what stays is spread over the conversation.
 */
export function leastMissed(lengths: readonly number[]): number {
  const older = Math.ceil(lengths.length / 2);
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (let i = 0; i < older; i += 1) {
    const gap = (lengths[i + 1] ?? Number.POSITIVE_INFINITY) - (lengths[i - 1] ?? 0);
    if (gap < least) [best, least] = [i, gap];
  }
  return best;
}
