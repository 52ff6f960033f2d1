import type { Message } from "../../api/types.ts";
import { functionsOf } from "./tools.ts";
import type { PromptEngine, PromptTool } from "./types.ts";

/** Tokens that every prompt leaves free for its answer, at most; a quarter of a small context. */
const ROOM = 1024;

/** Tokens that a conversation may have when an answer begins. */
export function windowOf({ model: { context } }: PromptEngine): number {
  return context - Math.min(ROOM, Math.floor(context / 4));
}

/** Tokens of turns as the model reads them; infinitely many for a text that is longer than any context. */
export async function countTurns(
  engine: PromptEngine,
  turns: readonly (readonly Message[])[],
  tools: readonly PromptTool[] = [],
): Promise<number> {
  const messages = turns.flat();
  if (messages.length === 0) return 0;
  // Chat templates refuse a conversation in which no user speaks.
  const asks = messages.some(({ role }) => role === "user");
  const request = {
    messages: asks ? messages : [...messages, { role: "user", content: "" } as const],
    ...(tools.length > 0 && { tools: functionsOf(tools) }),
  };
  try {
    return await engine.countTokens(request);
  } catch (error) {
    const tooLong =
      error instanceof Error && "code" in error && error.code === "context_length_exceeded";
    if (tooLong) return Number.POSITIVE_INFINITY;
    throw error;
  }
}
