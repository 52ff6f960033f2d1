/**
 * The branch on screen as Markdown, for people and other programs; and back.
 *
 * A line with a comment begins each part, so that nobody's reader shows it: <!-- user -->. A line of a message that looks
 * like one gets a backslash, which Markdown does not show either.
 */

import type { Conversation, Message } from "./conversation.ts";
import { emptyAnswer, LONGEST_TITLE, newConversation, question, titleOf } from "./conversation.ts";
import { NO_SETTINGS } from "./settings.ts";
import { add, branch } from "./tree.ts";

const PART = /^<!-- (system|user|thinking|assistant) -->(?: .*)?$/;
const ESCAPED = /^\\+<!-- (?:system|user|thinking|assistant) -->/;

/** Says who speaks, in the reader's language. */
export type Speaker = (role: Message["role"]) => string;

export function writeMarkdown(conversation: Conversation, speaker: Speaker): string {
  const parts = [`# ${titleOf(conversation).replaceAll("\n", " ")}`];
  const put = (kind: string, text: string, said = ""): void => {
    const lines = text.trim().split("\n");
    const safe = lines.map((line) => (PART.test(line) || ESCAPED.test(line) ? `\\${line}` : line));
    parts.push(`<!-- ${kind} -->${said}`, safe.join("\n"));
  };
  const { messages, settings } = conversation;
  if (settings.system.trim() !== "") put("system", settings.system);
  for (const at of branch(conversation)) {
    const message = messages[at];
    if (message === undefined) continue;
    if (message.thinking !== "") put("thinking", message.thinking);
    put(message.role, message.content, ` **${speaker(message.role)}**`);
  }
  return `${parts.join("\n\n")}\n`;
}

export function readMarkdown(text: string): Conversation {
  const [head = "", ...parts] = partsOf(text);
  let conversation = newConversation(NO_SETTINGS);
  let thinking = "";
  for (const { kind, content } of parts.map(readPart)) {
    const last = conversation.shown;
    const lastRole = last === null ? "assistant" : conversation.messages[last]?.role;
    if (kind === "system") {
      conversation = { ...conversation, settings: { ...NO_SETTINGS, system: content } };
    } else if (kind === "thinking") {
      thinking = content;
    } else if (kind === lastRole) {
      throw new Error(`two parts of the ${kind} follow one another`);
    } else if (kind === "user") {
      conversation = add(conversation, last, question(content));
    } else {
      const answer = { ...emptyAnswer(), content, thinking, ending: "stop" } as const;
      conversation = add(conversation, last, answer);
      thinking = "";
    }
  }
  if (conversation.messages.length === 0) throw new Error("it has no line <!-- user -->");
  return { ...conversation, title: titleIn(head, conversation) };
}

/** The lines before the first part, then each part with the line that begins it. */
function partsOf(text: string): readonly string[] {
  const parts: string[][] = [[]];
  for (const line of text.replaceAll("\r\n", "\n").split("\n")) {
    if (PART.test(line)) parts.push([]);
    parts.at(-1)?.push(line);
  }
  return parts.map((lines) => lines.join("\n"));
}

type Kind = "system" | "user" | "thinking" | "assistant";

function readPart(part: string): { readonly kind: Kind; readonly content: string } {
  const [first = "", ...lines] = part.split("\n");
  const name = PART.exec(first)?.[1];
  const kind = (["system", "user", "thinking"] as const).find((known) => known === name);
  const content = lines.map((line) => (ESCAPED.test(line) ? line.slice(1) : line));
  return { kind: kind ?? "assistant", content: content.join("\n").trim() };
}

/** The title above the parts, unless it is the one that the conversation has by itself. */
function titleIn(head: string, conversation: Conversation): string {
  const title = /^# (.*)$/m.exec(head)?.[1]?.trim().slice(0, LONGEST_TITLE) ?? "";
  return title === titleOf(conversation) ? "" : title;
}
