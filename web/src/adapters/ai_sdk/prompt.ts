import {
  type LanguageModelV4FilePart,
  type LanguageModelV4Message,
  type LanguageModelV4Prompt,
  type LanguageModelV4ToolResultOutput,
  UnsupportedFunctionalityError,
} from "@ai-sdk/provider";
import type { Message, ToolCall } from "../../api/types.ts";

type Assistant = Extract<LanguageModelV4Message, { readonly role: "assistant" }>;
type Results = Extract<LanguageModelV4Message, { readonly role: "tool" }>;

/** The AI SDK's messages as OpenAI's. */
export function messagesOf(prompt: LanguageModelV4Prompt): Message[] {
  return prompt.flatMap(messageOf);
}

function messageOf(message: LanguageModelV4Message): Message | Message[] {
  switch (message.role) {
    case "system":
      return { role: "system", content: message.content };
    case "user":
      return { role: "user", content: message.content.map(textOf).join("") };
    case "assistant":
      return assistantOf(message);
    case "tool":
      return resultsOf(message);
  }
}

function textOf(
  part: { readonly type: "text"; readonly text: string } | LanguageModelV4FilePart,
): string {
  if (part.type === "text") return part.text;
  return part.data.type === "text" ? part.data.text : refuse(`${part.mediaType} files`);
}

function assistantOf({ content: parts }: Assistant): Message {
  let content = "";
  let reasoning = "";
  const calls: ToolCall[] = [];
  for (const part of parts) {
    switch (part.type) {
      case "text":
        content += part.text;
        break;
      case "reasoning":
        reasoning += part.text;
        break;
      case "tool-call": {
        const { toolCallId: id, toolName: name, input } = part;
        calls.push({ id, type: "function", function: { name, arguments: JSON.stringify(input) } });
        break;
      }
      case "file":
      case "reasoning-file":
      case "custom":
      case "tool-result":
        refuse(`${part.type} parts of an assistant's message`);
    }
  }
  return {
    role: "assistant",
    content,
    ...(reasoning !== "" && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

function resultsOf({ content: parts }: Results): Message[] {
  return parts.flatMap((part): Message[] => {
    // The approval of a call whose result, or whose denial, is a part of its own.
    if (part.type === "tool-approval-response") return [];
    return [{ role: "tool", tool_call_id: part.toolCallId, content: resultOf(part.output) }];
  });
}

function resultOf(output: LanguageModelV4ToolResultOutput): string {
  switch (output.type) {
    case "text":
    case "error-text":
      return output.value;
    case "json":
    case "error-json":
      return JSON.stringify(output.value);
    case "execution-denied":
      return output.reason ?? "The call was not allowed.";
    case "content":
      return output.value
        .map((part) => (part.type === "custom" ? refuse("custom results of tools") : textOf(part)))
        .join("");
  }
}

function refuse(functionality: string): never {
  const message = `${functionality} cannot be read: the model reads text alone; leave them out.`;
  throw new UnsupportedFunctionalityError({ functionality, message });
}
