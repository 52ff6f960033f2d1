/**
 * The chunks of an answer as they come, to be read once. Leaving the loop early ends the request; `controller.abort()` does
 * so from outside, and the loop then throws an AbortError.
 */
export class Stream<Chunk> implements AsyncIterable<Chunk> {
  readonly controller: AbortController;
  readonly #chunks: AsyncGenerator<Chunk, void, undefined>;

  constructor(chunks: AsyncGenerator<Chunk, void, undefined>, controller: AbortController) {
    this.#chunks = chunks;
    this.controller = controller;
  }

  [Symbol.asyncIterator](): AsyncGenerator<Chunk, void, undefined> {
    return this.#chunks;
  }
}

/** A controller that also ends when the signal does. */
export function follow(signal: AbortSignal | null | undefined): {
  readonly controller: AbortController;
  readonly signal: AbortSignal;
} {
  const controller = new AbortController();
  const either = signal ? AbortSignal.any([signal, controller.signal]) : controller.signal;
  return { controller, signal: either };
}

/**
 * The same chunks once the first is there, so that what is wrong with a request is thrown here, and not by the loop over
 * what comes.
 */
export async function begun<Chunk>(
  chunks: AsyncGenerator<Chunk, void, undefined>,
): Promise<AsyncGenerator<Chunk, void, undefined>> {
  return resume(await chunks.next(), chunks);
}

async function* resume<Chunk>(
  first: IteratorResult<Chunk, void>,
  rest: AsyncGenerator<Chunk, void, undefined>,
): AsyncGenerator<Chunk, void, undefined> {
  try {
    if (!first.done) yield first.value;
    yield* rest;
  } finally {
    // A loop that is left at the first chunk has not come to the others.
    await rest.return();
  }
}
