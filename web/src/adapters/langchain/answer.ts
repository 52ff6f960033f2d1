import {
  AIMessageChunk,
  type StandardMessageStructure,
  type UsageMetadata,
} from "@langchain/core/messages";
import type { ChatChunk, ChatCompletion, Usage } from "../../api/types.ts";

type Choice = ChatCompletion["choices"][number];

/** A whole answer, as the one piece that LangChain's own structured output asks for. */
export function wholeAnswer(
  answer: ChatCompletion,
  { message, logprobs, finish_reason }: Choice,
): AIMessageChunk {
  const { reasoning_content: reasoning, tool_calls: calls = [] } = message;
  return new AIMessageChunk<StandardMessageStructure>({
    id: answer.id,
    content: message.content ?? "",
    additional_kwargs: reasoning === undefined ? {} : { reasoning_content: reasoning },
    tool_call_chunks: calls.map(({ id, function: { name, arguments: args } }, index) => ({
      type: "tool_call_chunk" as const,
      index,
      id,
      name,
      args,
    })),
    usage_metadata: usageOf(answer.usage),
    response_metadata: {
      ...metadataOf(answer),
      finish_reason,
      timings: answer.usage.timings,
      ...(logprobs && { logprobs }),
    },
  });
}

/** A piece of a streamed one; LangChain adds the pieces up. */
export function answerPiece({ choices, usage, ...head }: ChatChunk): AIMessageChunk {
  const [choice] = choices;
  const { content, reasoning_content: reasoning, tool_calls: calls = [] } = choice?.delta ?? {};
  return new AIMessageChunk<StandardMessageStructure>({
    id: head.id,
    content: content ?? "",
    additional_kwargs: reasoning === undefined ? {} : { reasoning_content: reasoning },
    tool_call_chunks: calls.map(({ index, id, function: { name, arguments: args } }) => ({
      type: "tool_call_chunk" as const,
      index,
      args,
      ...(id !== undefined && { id }),
      ...(name !== undefined && { name }),
    })),
    ...(usage && { usage_metadata: usageOf(usage) }),
    response_metadata: {
      // Said once: texts of several pieces are put together.
      ...(choice?.finish_reason && { ...metadataOf(head), finish_reason: choice.finish_reason }),
      ...(usage && { timings: usage.timings }),
      ...(choice?.logprobs && { logprobs: choice.logprobs }),
    },
  });
}

function metadataOf({
  model,
  system_fingerprint,
}: Pick<ChatChunk, "model" | "system_fingerprint">) {
  return { model_provider: "windowseat", model_name: model, system_fingerprint };
}

function usageOf(usage: Usage): UsageMetadata {
  return {
    input_tokens: usage.prompt_tokens,
    output_tokens: usage.completion_tokens,
    total_tokens: usage.total_tokens,
    input_token_details: { cache_read: usage.prompt_tokens_details.cached_tokens },
    output_token_details: { reasoning: usage.completion_tokens_details.reasoning_tokens },
  };
}
