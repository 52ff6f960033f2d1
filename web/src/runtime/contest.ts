import { closePlan } from "./bind.ts";
import { closeExecutor, type Executor, submitLastChunk, submitStep } from "./executor.ts";
import { readBuffer, readToken } from "./readback.ts";
import { GREEDY } from "./sampling.ts";
import type { Choice } from "./variants.ts";

/** Most tokens of the prompt that is timed: a slow GPU must not spend the whole trial on one. */
const PROMPT = 64;
/** A usual request: what the two times are weighed by. */
const USUAL = { prompt: 512, answer: 128 };
/** A launch may meet a busy moment; the best of a few does not. */
const REPEATS = 3;
/** Long launches are not repeated after this time. */
const REPEAT_MS = 100;

/** After trials of so long in all, no further variant is tried. */
const TRIAL_MS = 2000;

/** Of the largest logit: variants for the same numbers differ by less, and the bound of each one's verification is this. */
const LARGEST_DIFFERENCE = 2e-2;

/** A variant that is bound and warm. */
export interface Contestant {
  readonly choice: Choice;
  readonly executor: Executor;
}

/** What a trial shows: milliseconds for a usual request, and the logits of a prompt that is the same in each. */
interface Trial {
  readonly time: number;
  readonly logits: Float32Array<ArrayBuffer>;
}

/**
 * The variant with the shortest trial; a variant with no rival has none.
 *
 * They come with the most features first. Where two do not compute the same, some driver is wrong, and the one that asks
 * less of it is taken, unless what that computes is no number. One that cannot enter, as memory has no room for it beside
 * the leader or the driver rejects a launch, is passed over as long as there is another.
 */
export async function fastest<T>(
  variants: readonly T[],
  enter: (variant: T) => Promise<Contestant>,
  signal: AbortSignal | undefined,
): Promise<Contestant> {
  let leader: { readonly contestant: Contestant; readonly trial: Trial } | null = null;
  let failure: unknown;
  let spent = 0;
  for (const variant of variants) {
    if (leader !== null && spent > TRIAL_MS) break;
    let contestant: Contestant;
    try {
      contestant = await enter(variant);
    } catch (error) {
      failure = error;
      continue;
    }
    if (variants.length === 1) return contestant;
    const started = performance.now();
    const trial = await tryRequest(contestant.executor, signal);
    spent += performance.now() - started;
    if (leader === null || beats(trial, leader.trial)) {
      if (leader !== null) leave(leader.contestant);
      leader = { contestant, trial };
    } else leave(contestant);
  }
  if (leader === null) throw failure;
  // What kept a rival out may have been the end of the device.
  leader.contestant.executor.gpu.check();
  return leader.contestant;
}

function beats(rival: Trial, leader: Trial): boolean {
  const isRight = rival.logits.every(Number.isFinite);
  return isRight && (rival.time < leader.time || !agree(leader.logits, rival.logits));
}

/** Frees all but the weights, which the variants share. */
function leave({ executor }: Contestant): void {
  closeExecutor(executor);
  closePlan(executor.plan);
}

function agree(some: Float32Array, others: Float32Array): boolean {
  const largest = others.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // What is no number is within no bound.
  return some.every(
    (value, i) => Math.abs(value - (others[i] ?? 0)) <= largest * LARGEST_DIFFERENCE,
  );
}

/** A short prompt and a few tokens; everything must have run once before. */
async function tryRequest(executor: Executor, signal?: AbortSignal): Promise<Trial> {
  const { gpu, ids } = executor;
  const tokens = Math.min(PROMPT, ids.length);
  const chunk = { ids: new Array<number>(tokens).fill(0), from: 0, to: tokens, keepAt: null };
  const best = async (submit: () => GPUBuffer): Promise<number> => {
    let [least, spent] = [Number.POSITIVE_INFINITY, 0];
    for (let i = 0; i < REPEATS && spent < REPEAT_MS; i += 1) {
      signal?.throwIfAborted();
      const started = performance.now();
      await gpu.settled(readToken(submit()));
      const time = performance.now() - started;
      [least, spent] = [Math.min(least, time), spent + time];
    }
    return least;
  };
  const prefill = await best(() => submitLastChunk(executor, chunk, GREEDY));
  const logits = new Float32Array(await gpu.settled(readBuffer(gpu.device, executor.logits)));
  const step = await best(() => submitStep(executor, tokens, GREEDY));
  return { time: (prefill * USUAL.prompt) / tokens + step * USUAL.answer, logits };
}
