import { CALL_CLOSE, CALL_OPEN } from "../grammar/call_tags.ts";
import type { CallStep } from "./tool_calls.ts";

/** What follows a call that is whole but for its closing tag, which may be missing where the next call begins. */
export function behindCall(text: string): CallStep {
  const tail = text.trimStart();
  if (tail.startsWith(CALL_CLOSE)) return { whole: true, rest: tail.slice(CALL_CLOSE.length) };
  if (tail.startsWith(CALL_OPEN)) return { whole: true, rest: tail };
  const mayFollow = [CALL_CLOSE, CALL_OPEN].some((tag) => tag.startsWith(tail));
  return mayFollow ? null : { whole: false, rest: text };
}
