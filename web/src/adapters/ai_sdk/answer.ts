import type {
  LanguageModelV4Content,
  LanguageModelV4FinishReason,
  LanguageModelV4Usage,
} from "@ai-sdk/provider";
import type { AssistantMessage, FinishReason, Usage } from "../../api/types.ts";

/** An answer's parts in the order in which a model writes them. */
export function contentOf(message: AssistantMessage): LanguageModelV4Content[] {
  const { reasoning_content: reasoning, content, tool_calls: calls = [] } = message;
  return [
    ...(reasoning ? [{ type: "reasoning" as const, text: reasoning }] : []),
    ...(content ? [{ type: "text" as const, text: content }] : []),
    ...calls.map(({ id, function: called }) => ({
      type: "tool-call" as const,
      toolCallId: id,
      toolName: called.name,
      input: called.arguments,
    })),
  ];
}

export function finishOf(reason: FinishReason | null | undefined): LanguageModelV4FinishReason {
  switch (reason) {
    case "stop":
    case "length":
      return { unified: reason, raw: reason };
    case "tool_calls":
      return { unified: "tool-calls", raw: reason };
    case null:
    case undefined:
      return { unified: "other", raw: undefined };
  }
}

export function usageOf(usage: Usage): LanguageModelV4Usage {
  const { cached_tokens: cached } = usage.prompt_tokens_details;
  const { reasoning_tokens: reasoning } = usage.completion_tokens_details;
  return {
    inputTokens: {
      total: usage.prompt_tokens,
      noCache: usage.prompt_tokens - cached,
      cacheRead: cached,
      cacheWrite: undefined,
    },
    outputTokens: {
      total: usage.completion_tokens,
      text: usage.completion_tokens - reasoning,
      reasoning,
    },
    raw: {
      ...usage,
      prompt_tokens_details: { ...usage.prompt_tokens_details },
      completion_tokens_details: { ...usage.completion_tokens_details },
      timings: { ...usage.timings },
    },
  };
}
