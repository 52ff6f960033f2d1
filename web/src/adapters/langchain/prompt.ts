import { AIMessage, type BaseMessage, ToolMessage } from "@langchain/core/messages";
import type { Message } from "../../api/types.ts";

/** LangChain's messages as OpenAI's. */
export function messagesOf(messages: readonly BaseMessage[]): Message[] {
  return messages.map((message, i): Message => {
    const { text, reasoning } = textsOf(message, i);
    if (AIMessage.isInstance(message)) {
      const calls = (message.tool_calls ?? []).map(({ id = "", name, args }) => ({
        id,
        type: "function" as const,
        function: { name, arguments: JSON.stringify(args) },
      }));
      const { reasoning_content: kept } = message.additional_kwargs;
      const thought = typeof kept === "string" ? kept : reasoning;
      return {
        role: "assistant",
        content: text,
        ...(thought !== "" && { reasoning_content: thought }),
        ...(calls.length > 0 && { tool_calls: calls }),
      };
    }
    if (ToolMessage.isInstance(message)) {
      return { role: "tool", content: text, tool_call_id: message.tool_call_id };
    }
    switch (message.type) {
      case "human":
        return { role: "user", content: text };
      case "system":
      case "developer":
        return { role: "system", content: text };
      default:
        throw new TypeError(
          `messages[${i}] is of the type ${message.type}; give human, ai, system, developer and tool messages.`,
        );
    }
  });
}

/** What a message says and thinks; calls are read elsewhere. */
function textsOf(
  message: BaseMessage,
  i: number,
): { readonly text: string; readonly reasoning: string } {
  let text = "";
  let reasoning = "";
  for (const block of message.contentBlocks) {
    switch (block.type) {
      case "text":
        text += block.text;
        break;
      case "reasoning":
        reasoning += block.reasoning;
        break;
      case "tool_call":
      case "tool_call_chunk":
      case "invalid_tool_call":
        break;
      default:
        throw new TypeError(
          `messages[${i}] has a part of the type ${block.type}; this model reads text alone.`,
        );
    }
  }
  return { text, reasoning };
}
