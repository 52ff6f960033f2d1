import type { Snapshots } from "./snapshots.ts";

/** What the state has read, and how it goes back to an earlier place of it. */
export class History {
  readonly #snapshots: Snapshots;
  #ids: number[] = [];

  constructor(snapshots: Snapshots) {
    this.#snapshots = snapshots;
  }

  /** Tokens that the state has read. */
  get length(): number {
    return this.#ids.length;
  }

  /** The state reads these tokens, from `from` up to `to`. */
  read(ids: readonly number[], from: number, to: number): void {
    for (let i = from; i < to; i += 1) this.#ids.push(ids[i] ?? 0);
  }

  /** Notes that the next prompts will probably share what has been read so far. */
  async keep(): Promise<void> {
    if (this.#snapshots.size > 0 && this.length > 0) await this.#snapshots.save(this.length);
  }

  /** Goes back as little as it takes to go on with the rest of the prompt, of which at least one token is left to read; gives where the state stands then. */
  rewind(prompt: readonly number[]): number {
    const shared = sharedLength(this.#ids, prompt);
    let length = shared;
    // A recurrence cannot be cut back: it stands where it stands, or where it was kept.
    if (this.#snapshots.size > 0 && this.length > shared) {
      length = this.#snapshots.longest(shared);
      this.#snapshots.restore(length);
    }
    this.#snapshots.cut(length);
    this.#ids.length = length;
    return length;
  }

  /** Forgets everything. */
  reset(): void {
    this.#snapshots.cut(0);
    this.#ids = [];
  }
}

/** How many tokens a prompt begins with that were read before; the last token of a prompt does not count. */
function sharedLength(ids: readonly number[], prompt: readonly number[]): number {
  const most = Math.min(ids.length, prompt.length - 1);
  let length = 0;
  while (length < most && ids[length] === prompt[length]) length += 1;
  return length;
}
