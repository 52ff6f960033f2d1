import { createBuffer } from "./bind.ts";
import type { Executor } from "./executor.ts";
import type { PlanBuffer } from "./format.ts";
import type { Gpu } from "./gpu.ts";
import { allocated } from "./plan.ts";
import { type State, stateBuffer } from "./state.ts";
import type { StatePart } from "./state_parts.ts";

/**
 * Positions that the cache grows by.
 *
 * A buffer cannot grow: it is copied into a larger one. Reading and writing all of the cache once for 1,024 tokens adds
 * 2/1024 to what attention reads of it for those same tokens, and what stands empty stays small.
 */
export const BLOCK = 1024;

/** Whole blocks with `need` positions and half a block more, so that a prompt and a usual answer grow it once. */
export function roomFor(need: number, most: number): number {
  return Math.min(most, BLOCK * Math.ceil((need + BLOCK / 2) / BLOCK));
}

/** What of a state is addressed by position: made for one block, and for more as a conversation grows. */
export class KvCache {
  /** The most positions that it may come to have. */
  readonly most: number;
  readonly #gpu: Gpu;
  readonly #state: State;
  readonly #growing: readonly PlanBuffer[];
  #positions: number;

  constructor({ gpu, plan, state }: Executor, most: number) {
    this.#gpu = gpu;
    this.#state = state;
    this.#growing = plan.own.filter(({ bytes_per_position }) => bytes_per_position > 0);
    this.#positions = roomFor(1, most);
    this.most = most;
  }

  /** Positions that there is room for. */
  get positions(): number {
    return this.#positions;
  }

  /** What stands in the first `positions`. */
  parts(positions: number): readonly StatePart[] {
    return this.#growing.map((each) => ({
      buffer: stateBuffer(this.#state, each.name),
      bytes: allocated(each, positions),
    }));
  }

  /**
   * Makes room for `need` positions and keeps what stands in the first `used`.
   *
   * Gives the positions that memory has room for. They are fewer than `need` when it runs out; then nothing has changed.
   */
  async reserve(need: number, used: number): Promise<number> {
    if (need <= this.#positions) return this.#positions;
    const wanted = roomFor(need, this.most);
    const positions = (await this.#fits(wanted)) ? wanted : await this.#mostBelow(wanted);
    if (positions >= need && (await this.#resize(positions, used))) this.#positions = positions;
    return positions >= need ? this.#positions : positions;
  }

  /** Gives back what a conversation that begins with `need` positions does not need; nothing of the last one is kept. */
  async shrink(need: number): Promise<void> {
    const positions = roomFor(need, this.most);
    if (positions >= this.#positions) return;
    this.#positions = positions;
    await this.#resize(positions, 0);
  }

  /** One buffer after the other, so that no more than one is there twice; false if memory runs out on the way. */
  async #resize(positions: number, used: number): Promise<boolean> {
    const { device } = this.#gpu;
    for (const each of this.#growing) {
      const old = this.#state.buffers.get(each.name);
      if (!old || old.size === allocated(each, positions)) continue;
      const made = await this.#gpu.tried(`replacing ${each.name}`, () =>
        createBuffer(device, each, positions),
      );
      if (made === null) return false;
      if (used > 0) {
        // Steps in flight come before the copy in the queue, and bind the old buffer.
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(old, 0, made, 0, allocated(each, used));
        device.queue.submit([encoder.finish()]);
      }
      this.#state.replace(each.name, made);
      old.destroy();
      await this.#gpu.settled(device.queue.onSubmittedWorkDone());
    }
    return true;
  }

  /** Whether memory has room for so many positions while the largest buffer is there twice. */
  async #fits(positions: number): Promise<boolean> {
    const { device } = this.#gpu;
    const sizes = this.#growing.map((each) => allocated(each, positions) - this.#size(each));
    const twice = Math.max(...this.#growing.map((each) => this.#size(each)));
    const made: GPUBuffer[] = [];
    const fits = await this.#gpu.tried("looking for memory", () => {
      for (const size of [...sizes, twice]) {
        if (size > 0) made.push(device.createBuffer({ size, usage: GPUBufferUsage.STORAGE }));
      }
      return true;
    });
    for (const buffer of made) buffer.destroy();
    await this.#gpu.settled(device.queue.onSubmittedWorkDone());
    return fits === true;
  }

  /** The most whole blocks that fit, where `positions` do not. */
  async #mostBelow(positions: number): Promise<number> {
    let [fits, fails] = [Math.floor(this.#positions / BLOCK), Math.ceil(positions / BLOCK)];
    while (fails - fits > 1) {
      const middle = Math.floor((fits + fails) / 2);
      if (await this.#fits(middle * BLOCK)) fits = middle;
      else fails = middle;
    }
    return Math.max(this.#positions, fits * BLOCK);
  }

  #size({ name }: PlanBuffer): number {
    return this.#state.buffers.get(name)?.size ?? 0;
  }
}
