import { lengthBeforeTag } from "./before_tag.ts";

export type Channel = "thinking" | "answer";

/** A piece of text and where it belongs. */
export interface ChannelText {
  readonly channel: Channel;
  readonly text: string;
}

export interface ThinkingSplitter {
  readonly push: (text: string) => readonly ChannelText[];
  /** What was held back in case a tag would follow. */
  readonly end: () => readonly ChannelText[];
  /** Whether what came so far ends inside of a thought. */
  readonly thinking: () => boolean;
}

export const OPEN = "<think>";
export const CLOSE = "</think>";

/** Whether an answer begins inside of a thought, may open one, or has its thought behind it, or none. */
export type Thinking = "open" | "possible" | "over";

/** How a prompt leaves thinking; `thinks` where its template knows of it. */
export function thinkingAfter(prompt: string, thinks: boolean): Thinking {
  const end = prompt.trimEnd();
  if (end.endsWith(OPEN)) return "open";
  return thinks && !end.endsWith(CLOSE) ? "possible" : "over";
}

/**
 * Splits streamed text at </think>; the blank lines around the tag belong to neither side. Where the prompt did not open a
 * thought, the model may do so with its first word (Qwen 3 does).
 */
export function splitThinking(startsThinking: boolean): ThinkingSplitter {
  let place: "start" | "thought" | "answer" = startsThinking ? "thought" : "start";
  let atStart = startsThinking;
  let held = "";
  const answer = (text: string): ChannelText[] => {
    const kept = atStart ? text.trimStart() : text;
    if (kept === "") return [];
    atStart = false;
    return [{ channel: "answer", text: kept }];
  };
  const thought = (text: string): ChannelText[] => {
    const kept = atStart ? text.trimStart() : text;
    if (kept === "") return [];
    atStart = false;
    return [{ channel: "thinking", text: kept }];
  };
  const release = (): ChannelText[] => {
    place = "answer";
    const all = held;
    held = "";
    return answer(all);
  };
  const push = (text: string): readonly ChannelText[] => {
    if (place === "answer") return answer(text);
    held += text;
    if (place === "start") {
      const begun = held.trimStart();
      if (begun.length < OPEN.length && OPEN.startsWith(begun)) return [];
      atStart = begun.startsWith(OPEN);
      if (!atStart) return release();
      place = "thought";
      held = begun.slice(OPEN.length);
    }
    const close = held.indexOf(CLOSE);
    if (close >= 0) {
      const [before, after] = [held.slice(0, close), held.slice(close + CLOSE.length)];
      const last = thought(before.trimEnd());
      place = "answer";
      atStart = true;
      held = "";
      return [...last, ...answer(after)];
    }
    const safe = lengthBeforeTag(held, CLOSE);
    const sure = held.slice(0, safe);
    held = held.slice(safe);
    return thought(sure);
  };
  return {
    push,
    end: () => (place === "thought" ? thought(held.trimEnd()) : release()),
    thinking: () => place === "thought",
  };
}
