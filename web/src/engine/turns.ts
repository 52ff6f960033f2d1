import type { Turn } from "../runtime/prefill.ts";

/** A place among those who use the GPU. */
export interface Seat extends Turn {
  /** Lets the others have the GPU for good. */
  readonly leave: () => void;
}

interface Player {
  /** Milliseconds of the GPU that it has had, or was taken to have had when it came. */
  used: number;
  /** Begins its turn, while it waits for one. */
  begin: (() => void) | null;
}

/**
 * Whose turn on the GPU it is.
 *
 * Of those that wait, the one that has had the least time goes next, between any two tokens or chunks of a prompt: two
 * answers come token by token in turn, and an answer goes on for as long as a chunk of somebody's prompt took. Who comes
 * new counts as having had as little as whoever has had the least, so it begins soon and owes nobody anything.
 */
export class Turns {
  readonly #players = new Set<Player>();
  #playing: Player | null = null;
  #since = 0;

  /** Resolves when the first turn of a new seat begins. */
  async join(): Promise<Seat> {
    const player: Player = { used: this.#least(), begin: null };
    this.#players.add(player);
    await this.#wait(player);
    return {
      isOver: () => this.#players.size > 1 && this.#next(player.used + this.#elapsed()) !== null,
      pass: () => {
        this.#stop();
        return this.#wait(player);
      },
      leave: () => {
        this.#players.delete(player);
        this.#stop();
        this.#beginNext();
      },
    };
  }

  /** The end of a player's wait for a turn. */
  #wait(player: Player): Promise<void> {
    const turn = new Promise<void>((resolve) => {
      player.begin = resolve;
    });
    this.#beginNext();
    return turn;
  }

  #stop(): void {
    if (this.#playing) this.#playing.used += this.#elapsed();
    this.#playing = null;
  }

  #beginNext(): void {
    if (this.#playing) return;
    const next = this.#next(Number.POSITIVE_INFINITY);
    if (next === null) return;
    // What has waited longest comes first among equals, so it goes to the end.
    this.#players.delete(next);
    this.#players.add(next);
    const { begin } = next;
    next.begin = null;
    this.#playing = next;
    this.#since = performance.now();
    begin?.();
  }

  /** Who waits and has had the least time, if that is no more than `most`. */
  #next(most: number): Player | null {
    let next: Player | null = null;
    for (const player of this.#players) {
      if (player.begin === null || player.used > most) continue;
      if (next === null || player.used < next.used) next = player;
    }
    return next;
  }

  #least(): number {
    const used = Array.from(this.#players, (player) => player.used);
    return used.length > 0 ? Math.min(...used) : 0;
  }

  #elapsed(): number {
    return performance.now() - this.#since;
  }
}
