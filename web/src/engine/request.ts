import { WindowseatError } from "../runtime/failure.ts";
import type { GenerateRequest, Sampling } from "../runtime/messages.ts";
import { MOST_LOGPROBS } from "../runtime/sampling.ts";

/** A logit that is moved this far is never or always taken; the range is OpenAI's. */
const MOST_BIAS = 100;

/** What a setting may be. Nothing that compares is true of NaN, so that is never taken. */
interface Rule {
  readonly name: keyof Sampling;
  readonly value: (sampling: Sampling) => number;
  readonly holds: (value: number) => boolean;
  readonly take: string;
}

const within = (least: number, most: number) => ({
  holds: (value: number) => value >= least && value <= most,
  take: `${least} to ${most}`,
});
const overZero = (most: number) => ({
  holds: (value: number) => value > 0 && value <= most,
  take: `over 0, up to ${most}`,
});

const RULES: readonly Rule[] = [
  { name: "temperature", value: (s) => s.temperature, ...within(0, 100) },
  {
    name: "top_k",
    value: (s) => s.top_k,
    holds: (value) => Number.isInteger(value) && value >= 0,
    take: "a whole number, 0 for all",
  },
  { name: "top_p", value: (s) => s.top_p, ...overZero(1) },
  { name: "min_p", value: (s) => s.min_p ?? 0, ...within(0, 1) },
  { name: "seed", value: (s) => s.seed, holds: Number.isInteger, take: "a whole number" },
  { name: "repetition_penalty", value: (s) => s.repetition_penalty ?? 1, ...overZero(100) },
  { name: "presence_penalty", value: (s) => s.presence_penalty ?? 0, ...within(-2, 2) },
  { name: "frequency_penalty", value: (s) => s.frequency_penalty ?? 0, ...within(-2, 2) },
  {
    name: "logprobs",
    value: (s) => s.logprobs ?? 0,
    holds: (value) => Number.isInteger(value) && value >= 0 && value <= MOST_LOGPROBS,
    take: `a whole number from 0 to ${MOST_LOGPROBS}`,
  },
];

/** Throws for a request that makes no sense, and names what is wrong with it. */
export function checkRequest(
  { messages, prompt, sampling, maxTokens, continues }: GenerateRequest,
  vocabulary: number,
): void {
  if (prompt === undefined && messages.every(({ content }) => content.trim() === "")) {
    throw new WindowseatError("empty_prompt", "No message has any text; write something first.");
  }
  const wrong =
    complaintOf(sampling) ??
    complaintOfBias(sampling.logit_bias ?? {}, vocabulary) ??
    (maxTokens !== undefined && !(Number.isInteger(maxTokens) && maxTokens > 0)
      ? `maxTokens ${maxTokens} (take a whole number from 1)`
      : null) ??
    (continues && messages.at(-1)?.role !== "assistant"
      ? "continues without an answer as its last message"
      : null);
  if (wrong) throw new WindowseatError("bad_request", `The request has ${wrong}.`);
}

function complaintOf(sampling: Sampling): string | null {
  const broken = RULES.find(({ value, holds }) => !holds(value(sampling)));
  return broken ? `${broken.name} ${broken.value(sampling)} (take ${broken.take})` : null;
}

function complaintOfBias(
  biases: Readonly<Record<string, number>>,
  vocabulary: number,
): string | null {
  for (const [id, bias] of Object.entries(biases)) {
    if (!(/^\d+$/.test(id) && Number(id) < vocabulary)) {
      return `logit_bias for the token ${id} (take ids from 0 to ${vocabulary - 1})`;
    }
    if (!(Math.abs(bias) <= MOST_BIAS)) {
      return `logit_bias ${bias} for the token ${id} (take ${-MOST_BIAS} to ${MOST_BIAS})`;
    }
  }
  return null;
}
