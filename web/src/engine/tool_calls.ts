import { CALL_OPEN } from "../grammar/call_tags.ts";
import { lengthBeforeTag } from "./before_tag.ts";
import { jsonCall } from "./tool_call_json.ts";
import { type FunctionSchemas, xmlCall } from "./tool_call_xml.ts";

/** How a chat template has calls written: {"name": …, "arguments": …}, or <function=…> and <parameter=…>. */
export type CallForm = "json" | "xml";

/** What an answer is made of. `call_end` with `whole` false is followed by the call's text: it was broken. */
export type AnswerPiece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "call"; readonly index: number; readonly name: string }
  | { readonly kind: "call_arguments"; readonly index: number; readonly text: string }
  | { readonly kind: "call_end"; readonly index: number; readonly whole: boolean };

/** Reads what stands between the tags; `say` hears of the name and the arguments as soon as they are sure. */
export interface CallReader {
  readonly push: (text: string) => CallStep;
  /** Whether the call is whole though the text ends here: the last tag may be missing. */
  readonly end: () => boolean;
}

/** Null while a call is open. `rest` stands behind it: behind all of it, or behind what was read before it proved to be none. */
export type CallStep = { readonly whole: boolean; readonly rest: string } | null;

export interface CallSpeaker {
  /** False for a function that was not offered. */
  readonly name: (name: string) => boolean;
  readonly arguments: (text: string) => void;
}

export interface ToolCallParser {
  readonly push: (text: string) => readonly AnswerPiece[];
  readonly end: () => readonly AnswerPiece[];
}

/** The form of the calls in the text of a chat template; null when it has none that is known here. */
export function callFormOf(template: string): CallForm | null {
  if (!template.includes(CALL_OPEN) || !template.includes("tools")) return null;
  return template.includes("<function=") ? "xml" : "json";
}

/**
 * Takes the calls out of an answer as it comes. A call is told of once its name is known to be one of the functions; what
 * turns out to be no call comes back as the text it was, and calls are looked for again behind what was read of it. Blank
 * space around calls belongs to nobody.
 */
export function parseToolCalls(form: CallForm, schemas: FunctionSchemas): ToolCallParser {
  let pieces: AnswerPiece[] = [];
  let held = "";
  let calls = 0;
  let announced = false;
  let afterCall = false;
  /** The open call's text, with its tag and the blank space before that, in case it is none. */
  let raw = "";
  let reader: CallReader | null = null;

  const say: CallSpeaker = {
    name: (name) => {
      if (!schemas.has(name)) return false;
      announced = true;
      pieces.push({ kind: "call", index: calls, name });
      return true;
    },
    arguments: (text) => {
      if (text !== "") pieces.push({ kind: "call_arguments", index: calls, text });
    },
  };
  const give = (text: string): void => {
    const shown = afterCall ? text.trimStart() : text;
    if (shown === "") return;
    afterCall = false;
    pieces.push({ kind: "text", text: shown });
  };
  const close = (whole: boolean): void => {
    reader = null;
    if (announced) {
      pieces.push({ kind: "call_end", index: calls, whole });
      calls += 1;
    }
    announced = false;
    if (whole) afterCall = true;
  };
  /** Gives back the text of what is no call, and what is to be read again of it. */
  const refuse = (rest: string): string => {
    close(false);
    const read = raw.slice(0, raw.length - rest.length).trimEnd();
    give(read);
    return raw.slice(read.length);
  };
  /** Each of these two gives what is left to the other one; null where the text ends first. */
  const readCall = (text: string, open: CallReader): string | null => {
    raw += text;
    const step = open.push(text);
    if (step === null) return null;
    if (!step.whole) return refuse(step.rest);
    close(true);
    return step.rest;
  };
  const readText = (text: string): string | null => {
    held += text;
    const at = held.indexOf(CALL_OPEN);
    const sure = at < 0 ? lengthBeforeTag(held, CALL_OPEN) : held.slice(0, at).trimEnd().length;
    give(held.slice(0, sure));
    if (at < 0) {
      held = held.slice(sure);
      return null;
    }
    const inside = held.slice(at + CALL_OPEN.length);
    raw = held.slice(sure, at + CALL_OPEN.length);
    held = "";
    reader = form === "json" ? jsonCall(say) : xmlCall(say, schemas);
    return inside;
  };
  const read = (text: string): void => {
    for (let rest: string | null = text; rest !== null; ) {
      rest = reader ? readCall(rest, reader) : readText(rest);
    }
  };
  const endCall = (open: CallReader): void => {
    if (open.end()) close(true);
    // What an argument quotes is no call, though its own call was cut.
    else if (announced) give(refuse(""));
    else read(refuse(raw.slice(raw.indexOf(CALL_OPEN) + CALL_OPEN.length)));
  };
  const taking = (step: () => void): readonly AnswerPiece[] => {
    pieces = [];
    step();
    return pieces;
  };
  return {
    push: (text) => taking(() => read(text)),
    end: () =>
      taking(() => {
        while (reader) endCall(reader);
        give(held);
        held = "";
      }),
  };
}
