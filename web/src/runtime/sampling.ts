import type { BoundPlan, BoundProgram } from "./bind.ts";
import type { Logprob, Sampling } from "./messages.ts";
import type { ScalarValues } from "./uniforms.ts";

/** The io buffers of the plan that have to do with sampling. */
export interface SamplingBuffers {
  readonly bias: GPUBuffer;
  readonly occurrences: GPUBuffer;
  readonly allowed: GPUBuffer;
  readonly logprobs: GPUBuffer;
}

/** Of the token that was chosen, and of the likeliest ones, from the likeliest down. */
export interface Logprobs {
  readonly chosen: Logprob;
  readonly top: readonly Logprob[];
}

/** Takes the likeliest token every time. */
export const GREEDY: Sampling = { temperature: 0, top_k: 0, top_p: 1, seed: 0 };

/** Asks for everything at once. */
export const EVERYTHING: Sampling = {
  temperature: 1,
  top_k: 20,
  top_p: 0.9,
  seed: 0,
  repetition_penalty: 1.1,
  logprobs: 20,
};

/** The log-probabilities that the plan's `logprobs` has room for, behind the chosen token's own. */
export const MOST_LOGPROBS = 20;
export const LOGPROB_BYTES = 4 * (1 + 2 * MOST_LOGPROBS);

/** A temperature below this takes the likeliest token, as in vLLM: divided by it, logits would overflow. */
const LEAST_TEMPERATURE = 1e-5;

const IN_PROMPT = 0x80000000;
const MOST_I32 = 0x7fffffff;

/** The kernel draws from seed + position: hashed, or seed 1 would draw what seed 0 draws a token later. */
export function setSampling(values: ScalarValues, sampling: Sampling): void {
  values.temperature = sampling.temperature;
  values.top_k = Math.min(sampling.top_k, MOST_I32);
  values.top_p = sampling.top_p;
  values.min_p = sampling.min_p ?? 0;
  values.seed = mix(sampling.seed);
  values.repetition_penalty = sampling.repetition_penalty ?? 1;
  values.presence_penalty = sampling.presence_penalty ?? 0;
  values.frequency_penalty = sampling.frequency_penalty ?? 0;
}

/** What to run after the head, in this order; `masked` where only some tokens are allowed. */
export function samplingPrograms(
  { penalise, mask, sample, draw, count, logprobs }: BoundPlan["programs"],
  sampling: Sampling,
  masked: boolean,
): readonly BoundProgram[] {
  return [
    ...(changesLogits(sampling) ? [penalise] : []),
    ...(masked ? [mask] : []),
    sampling.temperature < LEAST_TEMPERATURE ? sample : draw,
    ...(countsTokens(sampling) ? [count] : []),
    ...(sampling.logprobs === undefined ? [] : [logprobs]),
  ];
}

/** Forgets what the last request wanted and generated, where this one would see it. */
export function beginSampling(
  { queue }: GPUDevice,
  { bias, occurrences }: SamplingBuffers,
  prompt: readonly number[],
  sampling: Sampling,
): void {
  if (!changesLogits(sampling)) return;
  const biases = new Float32Array(bias.size / 4);
  for (const [id, value] of Object.entries(sampling.logit_bias ?? {})) biases[Number(id)] = value;
  queue.writeBuffer(bias, 0, biases);
  const words = new Uint32Array(occurrences.size / 4);
  for (const id of prompt) words[id] = IN_PROMPT;
  queue.writeBuffer(occurrences, 0, words);
}

/** The log-probabilities behind the token in what was read back. */
export function readLogprobs(read: DataView, wanted: number, vocabulary: number): Logprobs {
  const number = (word: number): number => read.getFloat32(4 * word, true);
  const id = (word: number): number => read.getUint32(4 * word, true);
  const chosen = { token: id(0), logprob: number(1) };
  const top = Array.from({ length: Math.min(wanted, vocabulary) }, (_, i) => ({
    token: id(2 + i),
    logprob: number(2 + MOST_LOGPROBS + i),
  }));
  return { chosen, top };
}

/** Log-probabilities are of the logits before they are changed, which the program that changes them keeps. */
function changesLogits(sampling: Sampling): boolean {
  const biased = Object.keys(sampling.logit_bias ?? {}).length > 0;
  return biased || countsTokens(sampling) || sampling.logprobs !== undefined;
}

function countsTokens({
  repetition_penalty = 1,
  presence_penalty = 0,
  frequency_penalty = 0,
}: Sampling): boolean {
  return repetition_penalty !== 1 || presence_penalty !== 0 || frequency_penalty !== 0;
}

/** The finaliser of MurmurHash3: every bit of the input moves every bit of the result. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
