import type { AnswerMessage } from "../runtime/messages.ts";
import { cutAtStops } from "./stop_strings.ts";
import { splitThinking, type Thinking } from "./thinking.ts";
import type { AnswerPiece, ToolCallParser } from "./tool_calls.ts";

/** What becomes of the text of an answer as it comes. */
export interface Answer {
  readonly push: (text: string) => readonly AnswerMessage[];
  readonly end: () => readonly AnswerMessage[];
  /** Whether the answer shall end here: at a stop text, or after the one call that was wanted. */
  readonly over: () => boolean;
  /** Whether a stop text ended it. */
  readonly cut: () => boolean;
  readonly thinking: () => boolean;
}

export interface AnswerOptions {
  /** Undefined: thoughts are not looked for. */
  readonly thinking: Thinking | undefined;
  readonly stop: readonly string[];
  /** Undefined: calls stay in the text. */
  readonly calls: ToolCallParser | undefined;
  readonly oneCall: boolean;
}

/** Thinking is split off first: stop texts and calls are looked for in what comes after it. */
export function readAnswer({ thinking, stop, calls, oneCall }: AnswerOptions): Answer {
  const splitter = thinking === undefined ? null : splitThinking(thinking === "open");
  const cutter = cutAtStops(stop);
  let called = false;
  const parsed = (pieces: readonly AnswerPiece[]): AnswerMessage[] => {
    const messages: AnswerMessage[] = [];
    for (const piece of pieces) {
      if (called && oneCall) break;
      if (piece.kind === "call_end" && piece.whole) called = true;
      messages.push(
        piece.kind === "text" ? { kind: "delta", channel: "answer", text: piece.text } : piece,
      );
    }
    return messages;
  };
  const answer = (text: string): readonly AnswerMessage[] => {
    if (text === "") return [];
    return calls ? parsed(calls.push(text)) : [{ kind: "delta", channel: "answer", text }];
  };
  const read = (text: string, atEnd: boolean): readonly AnswerMessage[] => {
    if (!splitter) return answer(cutter.push(text));
    const pieces = [...splitter.push(text), ...(atEnd ? splitter.end() : [])];
    return pieces.flatMap(({ channel, text: piece }) =>
      channel === "answer"
        ? answer(cutter.push(piece))
        : [{ kind: "delta" as const, channel, text: piece }],
    );
  };
  return {
    push: (text) => read(text, false),
    end: () => [...read("", true), ...answer(cutter.end()), ...(calls ? parsed(calls.end()) : [])],
    cut: cutter.found,
    over: () => cutter.found() || (called && oneCall),
    thinking: () => splitter?.thinking() ?? false,
  };
}
