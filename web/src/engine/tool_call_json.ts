import { behindCall } from "./behind_call.ts";
import { jsonObjectScanner } from "./json_object_scanner.ts";
import type { CallReader, CallSpeaker, CallStep } from "./tool_calls.ts";

const HEAD = /^\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(?=\{)/;
/** How a call begins, as far as it has come. */
const BEGUN = /^\s*(\{\s*("|$)|$)/;

/** A call as Qwen 2.5 and 3 write it: {"name": "…", "arguments": {…}}. Arguments come as they were written. */
export function jsonCall(say: CallSpeaker): CallReader {
  let place: "head" | "arguments" | "closing" | "tail" = "head";
  let unread = "";
  let written = "";
  const whole = jsonObjectScanner();
  const given = jsonObjectScanner();
  const noCall = (): CallStep => ({ whole: false, rest: unread });

  const readHead = (text: string): CallStep => {
    const head = HEAD.exec(unread);
    if (!head) return readOther(text);
    const name = parsed(head[1] ?? "");
    if (typeof name !== "string" || !say.name(name)) return noCall();
    unread = unread.slice(head[0].length);
    place = "arguments";
    return readArguments();
  };
  /** With the members in another order it is a call as well, but one that can only be told of as a whole. */
  const readOther = (text: string): CallStep => {
    const { length, state } = whole(text);
    if (!BEGUN.test(unread) || state === "broken") return noCall();
    if (state === "open") return null;
    const end = unread.length - text.length + length;
    const call = parsed(unread.slice(0, end));
    if (!isObject(call) || typeof call.name !== "string" || !isObject(call.arguments))
      return noCall();
    if (!say.name(call.name)) return noCall();
    say.arguments(JSON.stringify(call.arguments));
    unread = unread.slice(end);
    place = "tail";
    return behindCall(unread);
  };
  const readArguments = (): CallStep => {
    const { length, state } = given(unread);
    const piece = unread.slice(0, length);
    written += piece;
    unread = unread.slice(length);
    say.arguments(piece);
    if (state === "open") return null;
    if (state === "broken" || parsed(written) === undefined) return noCall();
    place = "closing";
    return readClosing();
  };
  const readClosing = (): CallStep => {
    const closing = unread.trimStart();
    if (closing === "") return null;
    if (!closing.startsWith("}")) return noCall();
    unread = closing.slice(1);
    place = "tail";
    return behindCall(unread);
  };
  const push = (text: string): CallStep => {
    unread += text;
    switch (place) {
      case "head":
        return readHead(text);
      case "arguments":
        return readArguments();
      case "closing":
        return readClosing();
      case "tail":
        return behindCall(unread);
    }
  };
  return { push, end: () => place === "tail" };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
