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
  /** What comes after the call when it is over, null while it is not, or "broken". */
  readonly push: (text: string) => { readonly rest: string } | "broken" | null;
  /** Whether the call is whole though the text ends here: the last tag may be missing. */
  readonly end: () => boolean;
}

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
 * turns out to be no call comes back as the text it was. Blank space around calls belongs to nobody.
 */
export function parseToolCalls(form: CallForm, schemas: FunctionSchemas): ToolCallParser {
  let pieces: AnswerPiece[] = [];
  let held = "";
  let calls = 0;
  let announced = false;
  let afterCall = false;
  /** The open call's text from its tag on, in case it is broken. */
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
    afterCall = whole;
    if (!whole) give(raw);
  };
  const readCall = (text: string, open: CallReader): void => {
    raw += text;
    const step = open.push(text);
    if (step === null) return;
    close(step !== "broken");
    if (step !== "broken") readText(step.rest);
  };
  const readText = (text: string): void => {
    held += text;
    const at = held.indexOf(CALL_OPEN);
    if (at < 0) {
      const sure = lengthBeforeTag(held, CALL_OPEN);
      give(held.slice(0, sure));
      held = held.slice(sure);
      return;
    }
    give(held.slice(0, at).trimEnd());
    const inside = held.slice(at + CALL_OPEN.length);
    held = "";
    raw = CALL_OPEN;
    reader = form === "json" ? jsonCall(say) : xmlCall(say, schemas);
    readCall(inside, reader);
  };
  const taking = (step: () => void): readonly AnswerPiece[] => {
    pieces = [];
    step();
    return pieces;
  };
  return {
    push: (text) => taking(() => (reader ? readCall(text, reader) : readText(text))),
    end: () =>
      taking(() => {
        if (reader) close(reader.end());
        give(held);
        held = "";
      }),
  };
}
