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

  /** They themselves. */
  get ids(): readonly number[] {
    return this.#ids;
  }

  /** The state reads these tokens, from `from` up to `to`. */
  read(ids: readonly number[], from: number, to: number): void {
    for (let i = from; i < to; i += 1) this.#ids.push(ids[i] ?? 0);
  }

  /** Notes that the next prompts will probably share what has been read so far. */
  async keep(): Promise<void> {
    if (this.#snapshots.size > 0 && this.length > 0) await this.#snapshots.save(this.length);
  }

  /** Notes that they will share its beginning of that length, which the last chunk kept on the way. */
  async keepPassed(length: number): Promise<void> {
    if (this.#snapshots.size > 0) await this.#snapshots.savePassed(length);
  }

  /** The length of the prompt's beginning that a state can go back to; at least one token is always left to read. */
  reusable(prompt: readonly number[]): number {
    const shared = sharedLength(this.#ids, prompt);
    // A recurrence cannot be cut back: it stands where it stands, or where it was kept.
    const kept = this.#snapshots.size > 0 && this.length > shared;
    return kept ? this.#snapshots.longest(shared) : shared;
  }

  /** Goes back as little as it takes to go on with the rest of the prompt; gives where the state stands then. */
  rewind(prompt: readonly number[]): number {
    const length = this.reusable(prompt);
    if (this.#snapshots.size > 0 && this.length > length) this.#snapshots.restore(length);
    this.#snapshots.cut(length);
    this.#ids.length = length;
    return length;
  }

  /** The state has read these tokens and nothing else: it came from somewhere as a whole. */
  replace(ids: readonly number[]): void {
    this.#ids = [...ids];
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
