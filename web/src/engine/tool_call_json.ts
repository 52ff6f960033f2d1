import { CALL_CLOSE } from "../grammar/call_tags.ts";
import type { CallReader, CallSpeaker } from "./tool_calls.ts";

const HEAD = /^\s*\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(?=\{)/;

/** A call as Qwen 2.5 and 3 write it: {"name": "…", "arguments": {…}}. Arguments come as they were written. */
export function jsonCall(say: CallSpeaker): CallReader {
  let place: "head" | "arguments" | "tail" = "head";
  let unread = "";
  let written = "";
  const scan = objectScanner();

  const push = (text: string): { readonly rest: string } | "broken" | null => {
    unread += text;
    if (place === "head") {
      const head = HEAD.exec(unread);
      // With the members in another order it is a call as well, but one that can only be told of as a whole.
      if (!head) return unread.includes(CALL_CLOSE) ? readWhole() : null;
      const name = parsed(head[1] ?? "");
      if (typeof name !== "string" || !say.name(name)) return "broken";
      unread = unread.slice(head[0].length);
      place = "arguments";
    }
    if (place === "arguments") {
      const length = scan(unread);
      const piece = length === null ? unread : unread.slice(0, length);
      written += piece;
      unread = unread.slice(piece.length);
      say.arguments(piece);
      if (length === null) return null;
      if (parsed(written) === undefined) return "broken";
      place = "tail";
    }
    return readTail();
  };
  const readWhole = (): { readonly rest: string } | "broken" => {
    const at = unread.indexOf(CALL_CLOSE);
    const call = parsed(unread.slice(0, at));
    if (!isObject(call) || typeof call.name !== "string" || !isObject(call.arguments))
      return "broken";
    if (!say.name(call.name)) return "broken";
    say.arguments(JSON.stringify(call.arguments));
    return { rest: unread.slice(at + CALL_CLOSE.length) };
  };
  const readTail = (): { readonly rest: string } | "broken" | null => {
    const tail = unread.trimStart();
    if (tail === "") return null;
    if (!tail.startsWith("}")) return "broken";
    const after = tail.slice(1).trimStart();
    if (after.startsWith(CALL_CLOSE)) return { rest: after.slice(CALL_CLOSE.length) };
    return CALL_CLOSE.startsWith(after) ? null : "broken";
  };
  return { push, end: () => place === "tail" && unread.trimStart().startsWith("}") };
}

/** Follows an object over several pieces: the length of what belongs to it in the last one, null while it is open. */
function objectScanner(): (text: string) => number | null {
  let depth = 0;
  let inString = false;
  let escaped = false;
  return (text) => {
    for (let i = 0; i < text.length; i += 1) {
      const c = text[i];
      if (escaped) escaped = false;
      else if (inString && c === "\\") escaped = true;
      else if (c === '"') inString = !inString;
      else if (inString) continue;
      else if (c === "{" || c === "[") depth += 1;
      else if (c === "}" || c === "]") {
        depth -= 1;
        if (depth === 0) return i + 1;
      }
    }
    return null;
  };
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
