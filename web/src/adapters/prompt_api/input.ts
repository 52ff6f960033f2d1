import type { Message } from "../../api/types.ts";
import { notSupported } from "./errors.ts";
import type { PromptContent, PromptInput } from "./types.ts";

/** A prompt as OpenAI's messages; one that is wrong throws as the specification has it. */
export function messagesOf(input: PromptInput, begun: boolean): Message[] {
  if (typeof input === "string") return [{ role: "user", content: input }];
  if (!Array.isArray(input)) throw new TypeError("A prompt is a string or a list of messages.");
  if (input.length === 0) return [{ role: "user", content: "" }];
  return input.map(({ role, content, prefix }, i): Message => {
    if (prefix) {
      if (role !== "assistant" || i < input.length - 1) {
        throw new DOMException(
          "Only the last message may be a prefix, an assistant's.",
          "SyntaxError",
        );
      }
      throw notSupported("An answer cannot be begun with a prefix; ask for it in the prompt.");
    }
    switch (role) {
      case "system":
        if (begun || i > 0) throw new TypeError("A system message can only be a session's first.");
        return { role, content: textOf(content) };
      case "user":
      case "assistant":
        return { role, content: textOf(content) };
      default:
        throw new TypeError(
          `A role is system, user or assistant, and not ${JSON.stringify(role)}.`,
        );
    }
  });
}

function textOf(content: string | readonly PromptContent[]): string {
  if (typeof content === "string") return content;
  return content
    .map(({ type, value }) => {
      if (type !== "text") throw notSupported(`The model reads text alone, and no ${type}.`);
      if (typeof value !== "string") throw new TypeError("The value of a text is a string.");
      return value;
    })
    .join("");
}
