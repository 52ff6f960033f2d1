import { closePlan } from "./bind.ts";
import { closeExecutor, type Executor, submitLastChunk, submitStep } from "./executor.ts";
import { readToken } from "./readback.ts";
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

/** A variant that is bound and warm. */
export interface Contestant {
  readonly choice: Choice;
  readonly executor: Executor;
}

/** The variant with the shortest trial; a variant with no rival has none. */
export async function fastest(
  [first, ...rivals]: readonly [Choice, ...Choice[]],
  enter: (choice: Choice) => Promise<Contestant>,
  signal: AbortSignal | undefined,
): Promise<Contestant> {
  let leader = await enter(first);
  if (rivals.length === 0) return leader;
  let spent = 0;
  const trial = async ({ executor }: Contestant): Promise<number> => {
    const started = performance.now();
    const time = await timeRequest(executor, signal);
    spent += performance.now() - started;
    return time;
  };
  let least = await trial(leader);
  for (const choice of rivals) {
    if (spent > TRIAL_MS) break;
    const rival = await enter(choice);
    const time = await trial(rival);
    const loser = time < least ? leader : rival;
    if (time < least) [leader, least] = [rival, time];
    leave(loser);
  }
  return leader;
}

/** Frees all but the weights, which the variants share. */
function leave({ executor }: Contestant): void {
  closeExecutor(executor);
  closePlan(executor.plan);
}

/** Milliseconds for a usual request, from a short prompt and a few tokens; everything must have run once before. */
async function timeRequest(executor: Executor, signal?: AbortSignal): Promise<number> {
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
  const step = await best(() => submitStep(executor, tokens, GREEDY));
  return (prefill * USUAL.prompt) / tokens + step * USUAL.answer;
}
