/**
 * Room for a few pieces of memory of one size, for a load that must not hold more of a large model than that.
 *
 * Whoever already has a place may wait for one more only if others still come free without it: with fewer first places
 * than there is room, there is always one that goes round.
 */
export class Budget {
  readonly #room: number;
  readonly #waiting: (() => void)[] = [];
  #held = 0;
  #most = 0;

  constructor(room: number) {
    this.#room = room;
  }

  /** The most places that were ever taken at once. */
  get most(): number {
    return this.#most;
  }

  /** Runs a step that has one place as long as it takes. */
  async hold<T>(step: () => Promise<T>): Promise<T> {
    if (this.#held === this.#room) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#held += 1;
      this.#most = Math.max(this.#most, this.#held);
    }
    try {
      return await step();
    } finally {
      // The place goes to the one who waits longest; nobody can take it in between.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#held -= 1;
    }
  }
}
