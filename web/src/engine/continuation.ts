import type { ChatMessage } from "../runtime/messages.ts";
import { CLOSE, OPEN, thinkingAfter } from "./thinking.ts";

/** A prompt that asks for an answer, with the beginning of that answer, as the model would have written it. */
export interface Continuation {
  readonly text: string;
  /** Whether what comes next is thinking; undefined: there is none any more. */
  readonly startsThinking: true | undefined;
}

export function continuation(
  prompt: string,
  { content, reasoning_content: thought = "" }: ChatMessage,
): Continuation {
  const open = thinkingAfter(prompt, false) === "open";
  if (!open && thought === "") return { text: prompt + content, startsThinking: undefined };
  const begun = `${prompt}${open ? "" : `${OPEN}\n`}${thought}`;
  if (content === "") return { text: begun, startsThinking: true };
  return { text: `${begun}\n${CLOSE}\n\n${content}`, startsThinking: undefined };
}
