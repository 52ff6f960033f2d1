/** A chunk of a prompt takes about so long: a stop is heard in between, and the page stays smooth. */
const TARGET_MS = 250;
/** Fewer tokens waste the GPU, and sizes between multiples of it part of a tile. */
export const LEAST_CHUNK = 16;
/** Before anything is known about the device. */
const FIRST_CHUNK = 64;

/** How many tokens a call of prefill takes, from how long the last ones took. */
export class Pace {
  readonly #most: number;
  #chunk: number;
  #lastDone = 0;

  constructor(most: number) {
    this.#most = most;
    this.#chunk = Math.min(FIRST_CHUNK, most);
  }

  get chunk(): number {
    return this.#chunk;
  }

  /** Learns from the chunk of so many tokens that was just submitted; resolves when it has run. */
  async watch(queue: GPUQueue, tokens: number): Promise<void> {
    const submitted = performance.now();
    await queue.onSubmittedWorkDone();
    const done = performance.now();
    this.took(tokens, done - Math.max(submitted, this.#lastDone));
    this.#lastDone = done;
  }

  /** Learns that a chunk of so many tokens took so long; short ones say little about long ones. */
  took(tokens: number, ms: number): void {
    if (tokens < Math.min(LEAST_CHUNK, this.#most)) return;
    const fitting = LEAST_CHUNK * Math.floor((TARGET_MS * tokens) / Math.max(ms, 1) / LEAST_CHUNK);
    this.#chunk = Math.min(this.#most, Math.max(LEAST_CHUNK, fitting));
  }
}
