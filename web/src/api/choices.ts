import type { Usage as EngineUsage, GenerateRequest } from "../runtime/messages.ts";
import type { Checked } from "./check.ts";
import type { Answering, Heard } from "./client.ts";
import type { Usage } from "./types.ts";

/** A message about one of the answers to a request; or, at the end, what they took together. */
export type ChoiceEvent =
  | { readonly kind: "heard"; readonly index: number; readonly message: Heard }
  | { readonly kind: "usage"; readonly usage: Usage };

/** Makes the answers of a request one after the other: with seed, seed + 1 and so on, all at random without one. */
export async function* generateChoices(
  client: Answering,
  { n, seed, sampling }: Pick<Checked, "n" | "seed" | "sampling">,
  request: Omit<GenerateRequest, "id" | "sampling">,
  signal: AbortSignal | undefined,
  textParam: string,
): AsyncGenerator<ChoiceEvent, void, undefined> {
  const first = seed ?? crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  const usages: EngineUsage[] = [];
  for (let index = 0; index < n; index += 1) {
    const drawn = { ...sampling, seed: first + index };
    for await (const message of client.generate(
      { ...request, sampling: drawn },
      signal,
      textParam,
    )) {
      if (message.kind === "done") usages.push(message.usage);
      yield { kind: "heard", index, message };
    }
  }
  yield { kind: "usage", usage: sumUsage(usages) };
}

/** The prompt counts once, as the answers share it. */
function sumUsage(usages: readonly EngineUsage[]): Usage {
  const sum = (count: (usage: EngineUsage) => number): number =>
    usages.reduce((total, usage) => total + count(usage), 0);
  const first = usages[0];
  const prompt = first?.promptTokens ?? 0;
  const cached = first?.cachedTokens ?? 0;
  const completion = sum(({ completionTokens }) => completionTokens);
  const readMs = first ? first.firstTokenMs - first.queuedMs : 0;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: sum(({ reasoningTokens }) => reasoningTokens) },
    timings: {
      first_token_ms: first?.firstTokenMs ?? 0,
      prompt_per_second: readMs > 0 ? (1000 * (prompt - cached)) / readMs : 0,
      predicted_per_second: first?.tokensPerSecond ?? 0,
    },
  };
}
