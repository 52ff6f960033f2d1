import { abortable } from "./errors.ts";

/** Lets one through at a time, in the order in which they came. */
export class Queue {
  /** Resolves when all that came before is over. */
  #last: Promise<void> = Promise.resolve();

  /** Waits for the turn; what it gives lets the next one through. A signal that ends the waiting does so as well. */
  async enter(signal: AbortSignal): Promise<() => void> {
    let leave = (): void => {};
    const before = this.#last;
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    this.#last = before.then(() => left);
    try {
      await abortable(before, signal);
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }
}
