import { Template } from "@huggingface/jinja";
import { WindowseatError } from "../runtime/failure.ts";
import { Field } from "../runtime/fields.ts";
import { messageOf } from "../runtime/message_of.ts";
import type { ChatMessage } from "../runtime/messages.ts";
import { type CallForm, callFormOf } from "./tool_calls.ts";

export interface PromptOptions {
  readonly tools?: readonly unknown[] | undefined;
  readonly thinking?: boolean | undefined;
}

export interface Prompt {
  readonly text: string;
  /** The end of the text that only asks for the answer; the next turn's prompt will not have it there. */
  readonly ask: string;
  /** The end of the text from the last message's own words on, where an edit of that message begins. */
  readonly last: string;
}

export interface ChatTemplate {
  readonly render: (messages: readonly ChatMessage[], options: PromptOptions) => Prompt;
  /** Whether the template knows `enable_thinking`. */
  readonly thinks: boolean;
  /** How it has tool calls written. */
  readonly callForm: CallForm | null;
}

/** The chat template in the text of chat_template.jinja, with the special tokens it may name. */
export function createChatTemplate(source: string, configJson: string | null): ChatTemplate {
  const template = attempt("internal", () => new Template(source));
  const tokens = specialTokens(configJson);
  const render = (
    messages: readonly ChatMessage[],
    { tools, thinking }: PromptOptions,
    ask: boolean,
  ): string =>
    template.render({
      ...tokens,
      messages,
      add_generation_prompt: ask,
      ...(tools && tools.length > 0 && { tools }),
      ...(thinking !== undefined && { enable_thinking: thinking }),
    });
  return {
    thinks: source.includes("enable_thinking"),
    callForm: callFormOf(source),
    render: (messages, options) =>
      attempt("bad_request", () => {
        const text = render(messages, options, true);
        const history = render(messages, options, false);
        const ask = text.startsWith(history) ? text.slice(history.length) : text;
        const edited = render(withOtherEnd(messages), options, true);
        return { text, ask, last: text.slice(sharedLength(text, edited)) };
      }),
  };
}

/** The messages with words in the last one that begin in another way. */
function withOtherEnd(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  return messages.map((message, i) =>
    i < messages.length - 1
      ? message
      : { ...message, content: message.content.trimStart().startsWith("x") ? "y" : "x" },
  );
}

/** Characters that two texts begin with alike. */
function sharedLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}

/** bos_token and its like, which stand in tokenizer_config.json as a string or as an object with its content. */
function specialTokens(configJson: string | null): Record<string, string> {
  if (configJson === null) return {};
  const config = new Field("", JSON.parse(configJson));
  const tokens: Record<string, string> = {};
  for (const name of ["bos_token", "eos_token", "unk_token", "pad_token"]) {
    const token = config.get(name);
    const value = token.isObject ? token.get("content").value : token.value;
    if (typeof value === "string") tokens[name] = value;
  }
  return tokens;
}

function attempt<T>(code: "bad_request" | "internal", step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw new WindowseatError(code, `The chat template says: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
