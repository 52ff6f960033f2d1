import { type Constraint, submitEnd } from "./constrained.ts";
import { type Executor, submitChunk } from "./executor.ts";
import type { History } from "./history.ts";
import type { Sampling } from "./messages.ts";
import { LEAST_CHUNK, type Pace } from "./pace.ts";

/** The right to use the GPU, which goes round among conversations. */
export interface Turn {
  /** Whether somebody else is to go on now. */
  readonly isOver: () => boolean;
  /** Lets others go on; resolves when the turn is back. */
  readonly pass: () => Promise<void>;
}

export interface PrefillOptions {
  readonly sampling: Sampling;
  /** Which tokens the answer may have; undefined: any. */
  readonly constraint?: Constraint | undefined;
  /** Asked between two chunks, and to be asked by the caller between two tokens; undefined: there is nobody else. */
  readonly turn?: Turn | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Places in the prompt, in rising order, that later prompts will probably share it up to: the state there is kept. */
  readonly keepAt?: readonly number[] | undefined;
  readonly onPrefill?: (done: number, total: number, cached: number) => void;
}

/** Submits the rest of a prompt, chunk by chunk, and gives the slot of the first token; null if stopped on the way. */
export async function submitPrompt(
  executor: Executor,
  history: History,
  pace: Pace,
  prompt: readonly number[],
  { sampling, constraint, turn, signal, keepAt = [], onPrefill = () => {} }: PrefillOptions,
): Promise<GPUBuffer | null> {
  const { gpu } = executor;
  const cached = history.length;
  const places = worthKeeping(keepAt, cached);
  onPrefill(cached, prompt.length, cached);
  await history.keep();
  let running = Promise.resolve();
  for (let from = cached; ; ) {
    if (signal?.aborted) return null;
    // A chunk can pass one place, and end at the next.
    const [place = Number.POSITIVE_INFINITY, next = prompt.length] = places.filter(
      (at) => at > from,
    );
    const to = Math.min(from + pace.chunk, next, prompt.length);
    const chunk = { ids: prompt, from, to, keepAt: place <= to ? place : null };
    history.read(prompt, from, to);
    if (to === prompt.length) {
      const slot = submitEnd(executor, chunk, sampling, constraint);
      slot.catch(() => {}); // it is waited for below
      watch(executor, pace, to - from);
      if (chunk.keepAt !== null) await history.keepPassed(chunk.keepAt);
      await gpu.settled(running);
      onPrefill(to, prompt.length, cached);
      return await slot;
    }
    submitChunk(executor, chunk);
    const done = watch(executor, pace, to - from);
    // What a chunk kept on the way lasts until the next chunk, so nobody may have a turn before this.
    if (chunk.keepAt !== null) await history.keepPassed(chunk.keepAt);
    if (to === next) await history.keep();
    // One chunk runs while the next is recorded; the wait also lets a stop come in.
    await gpu.settled(running);
    if (from > cached) onPrefill(from, prompt.length, cached);
    running = done;
    from = to;
    if (turn?.isOver()) {
      // Or the next one's turn would be spent waiting for this chunk.
      await gpu.settled(running);
      await turn.pass();
    }
  }
}

/** Resolves when the chunk has run. Nobody waits for the last one: a lost device is then heard of elsewhere. */
function watch({ gpu }: Executor, pace: Pace, tokens: number): Promise<void> {
  const done = pace.watch(gpu.device.queue, tokens);
  done.catch(() => {});
  return done;
}

/** A place just after where the state stands is not worth a copy, but for the last: every turn goes back there. */
function worthKeeping(places: readonly number[], from: number): readonly number[] {
  return places.filter((at, i) => i === places.length - 1 || at >= from + LEAST_CHUNK);
}
