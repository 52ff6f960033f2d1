import {
  type Chunk,
  type Executor,
  submitChoice,
  submitForward,
  submitLastChunk,
  submitLastForward,
  submitStep,
} from "./executor.ts";
import type { Sampling } from "./messages.ts";

/** The plan's `allowed`: bit id mod 32 of word id / 32 is set for each token that may come. */
export type TokenMask = Int32Array<ArrayBuffer>;

/** What decides which tokens may come next, from those that came; with a position of its own in each answer. */
export interface Constraint {
  /** The tokens that may come next; null where all may. */
  readonly allowed: () => Promise<TokenMask | null>;
  /** Hears of the token that came. */
  readonly accept: (token: number) => void;
}

/** The last chunk of a prompt and the choice of the first token; gives the slot to read that from. */
export async function submitEnd(
  executor: Executor,
  chunk: Chunk,
  sampling: Sampling,
  constraint: Constraint | undefined,
): Promise<GPUBuffer> {
  if (constraint === undefined) return submitLastChunk(executor, chunk, sampling);
  submitLastForward(executor, chunk, sampling);
  return submitChoice(executor, sampling, await constraint.allowed());
}

/**
 * Submits as much of a step as needs no knowledge of the token it consumes; gives what submits the rest, once that token
 * was read, and gives the slot of the next one. Without a constraint there is no rest. With one the GPU computes the
 * logits while the token is read and the constraint makes up its mind.
 */
export function stepAhead(
  executor: Executor,
  position: number,
  sampling: Sampling,
  constraint: Constraint | undefined,
): (token: number) => GPUBuffer | Promise<GPUBuffer> {
  if (constraint === undefined) {
    const slot = submitStep(executor, position, sampling);
    return () => slot;
  }
  submitForward(executor, position);
  return async (token) => {
    constraint.accept(token);
    return submitChoice(executor, sampling, await constraint.allowed());
  };
}
