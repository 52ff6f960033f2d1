import type { EndReason } from "../runtime/messages.ts";
import type { ChoiceEvent } from "./choices.ts";
import type { Heard } from "./client.ts";
import { errorOf } from "./error.ts";
import type { Head } from "./head.ts";
import { chatLogprobs, WaitingLogprobs, withoutStripped } from "./logprobs.ts";
import type {
  AssistantMessage,
  ChatChunk,
  ChatCompletion,
  ChatDelta,
  ChatLogprobs,
  FinishReason,
  ToolCall,
  Usage,
} from "./types.ts";

/** A piece of the answer that a client sees. */
interface Piece {
  readonly delta: ChatDelta;
  readonly logprobs: ChatLogprobs | null;
}

/** What one choice has become so far. */
class Choice {
  #content = "";
  #reasoning = "";
  #calls: { id: string; name: string; text: string; whole: boolean }[] = [];
  #logprobs: ChatLogprobs["content"][number][] = [];
  readonly #waiting = new WaitingLogprobs();
  readonly #wantsLogprobs: boolean;
  finish: FinishReason | null = null;

  constructor(wantsLogprobs: boolean) {
    this.#wantsLogprobs = wantsLogprobs;
  }

  /** Takes in a message, and gives the piece of the answer in it. */
  hear(message: Heard): Piece | null {
    switch (message.kind) {
      case "prefilling":
        return null;
      case "logprobs":
        this.#waiting.hear(message);
        return null;
      case "delta":
        if (message.channel === "answer") return this.#answer(message.text);
        this.#reasoning += message.text;
        return this.#without({ reasoning_content: message.text });
      case "call":
        return this.#call(message.index, message.name);
      case "call_arguments":
        return this.#arguments(message.index, message.text);
      case "call_end": {
        const call = this.#calls[message.index];
        if (call) call.whole = message.whole;
        if (message.whole) this.#waiting.take();
        return null;
      }
      case "done":
        this.finish = lengthOrStop(message.reason);
        if (this.finish === "stop" && this.#calls.some(({ whole }) => whole)) {
          this.finish = "tool_calls";
        }
        return null;
    }
  }

  message(): AssistantMessage {
    const calls = this.#calls.filter(({ whole }) => whole).map(toolCall);
    return {
      role: "assistant",
      content: this.#content === "" && calls.length > 0 ? null : this.#content,
      refusal: null,
      ...(this.#reasoning !== "" && { reasoning_content: this.#reasoning }),
      ...(calls.length > 0 && { tool_calls: calls }),
    };
  }

  logprobs(): ChatLogprobs | null {
    return this.#wantsLogprobs ? { content: this.#logprobs, refusal: null } : null;
  }

  #answer(text: string): Piece {
    const come = this.#waiting.take();
    const own = this.#content === "" ? withoutStripped(come, text) : come;
    this.#content += text;
    const logprobs = this.#wantsLogprobs ? chatLogprobs(own) : null;
    if (logprobs) this.#logprobs.push(...logprobs.content);
    return { delta: { content: text }, logprobs };
  }

  #call(index: number, name: string): Piece {
    const id = `call_${crypto.randomUUID().replaceAll("-", "")}`;
    this.#calls[index] = { id, name, text: "", whole: false };
    const begin = { index, id, type: "function" as const, function: { name, arguments: "" } };
    return this.#without({ tool_calls: [begin] });
  }

  #arguments(index: number, text: string): Piece {
    const call = this.#calls[index];
    if (call) call.text += text;
    return this.#without({ tool_calls: [{ index, function: { arguments: text } }] });
  }

  /** Tokens that made something else than content are told of nowhere. */
  #without(delta: ChatDelta): Piece {
    this.#waiting.take();
    return { delta, logprobs: null };
  }
}

function toolCall({ id, name, text }: { id: string; name: string; text: string }): ToolCall {
  return { id, type: "function", function: { name, arguments: text } };
}

/** Memory that is used up is a limit as well. */
export function lengthOrStop(reason: EndReason): "length" | "stop" {
  switch (reason) {
    case "stop":
      return "stop";
    case "length":
    case "memory":
      return "length";
    case "cancelled":
      throw errorOf({ code: "cancelled", message: "The engine stopped the request; ask again." });
  }
}

/** The whole answer. */
export async function collectChat(
  head: Head,
  events: AsyncIterable<ChoiceEvent>,
  wantsLogprobs: boolean,
): Promise<ChatCompletion> {
  const choices: Choice[] = [];
  let usage: Usage | undefined;
  for await (const event of events) {
    if (event.kind === "usage") usage = event.usage;
    else {
      let choice = choices[event.index];
      choice ??= choices[event.index] = new Choice(wantsLogprobs);
      choice.hear(event.message);
    }
  }
  if (!usage) throw new Error("The answer ended without its usage.");
  return {
    ...head,
    object: "chat.completion",
    choices: choices.map((choice, index) => ({
      index,
      message: choice.message(),
      logprobs: choice.logprobs(),
      finish_reason: choice.finish ?? "length",
    })),
    usage,
  };
}

/** The answer as OpenAI cuts it: the role, what comes, how it ended, and the usage where it was asked for. */
export async function* streamChat(
  head: Head,
  events: AsyncIterable<ChoiceEvent>,
  { logprobs, includeUsage }: { readonly logprobs: boolean; readonly includeUsage: boolean },
): AsyncGenerator<ChatChunk, void, undefined> {
  const object = "chat.completion.chunk";
  const noUsage = includeUsage ? { usage: null } : {};
  const chunk = (index: number, piece: Piece, finish: FinishReason | null = null): ChatChunk => ({
    ...head,
    object,
    choices: [{ index, ...piece, finish_reason: finish }],
    ...noUsage,
  });
  let choice: Choice | null = null;
  for await (const event of events) {
    if (event.kind === "usage") {
      if (includeUsage) yield { ...head, object, choices: [], usage: event.usage };
      continue;
    }
    const { index, message } = event;
    if (choice === null) {
      choice = new Choice(logprobs);
      yield chunk(index, { delta: { role: "assistant", content: "" }, logprobs: null });
    }
    const piece = choice.hear(message);
    if (piece) yield chunk(index, piece);
    if (choice.finish !== null) {
      yield chunk(index, { delta: {}, logprobs: null }, choice.finish);
      choice = null;
    }
  }
}
