import type { Usage } from "../../runtime/messages.ts";
import type { Settings } from "./settings.ts";

/** Why an answer ended: at its own end, stopped, the context or the limit of the settings, GPU memory. */
export const ENDINGS = ["stop", "cancelled", "full", "limit", "memory"] as const;
export type Ending = (typeof ENDINGS)[number];

export interface Message {
  /** The place of the message before it, which is lower than its own; null for one that begins a conversation. */
  readonly parent: number | null;
  readonly role: "user" | "assistant";
  readonly content: string;
  readonly thinking: string;
  /** Null for an answer that is still being written, or was when the page was closed; and for questions. */
  readonly ending: Ending | null;
  readonly usage: Usage | null;
}

/** A conversation as it is kept: a tree of messages, of which one branch is shown. */
export interface Conversation {
  readonly id: string;
  /** Empty until a person gives it one: then its first question stands for it. */
  readonly title: string;
  readonly created: number;
  readonly changed: number;
  readonly settings: Settings;
  readonly messages: readonly Message[];
  /** The place of the last message on screen; null when there is none yet. */
  readonly shown: number | null;
}

const TITLE_LENGTH = 80;
/** Of one that a person gives. */
export const LONGEST_TITLE = 200;

export function newConversation(settings: Settings): Conversation {
  const now = Date.now();
  return {
    id: crypto.randomUUID(),
    title: "",
    created: now,
    changed: now,
    settings,
    messages: [],
    shown: null,
  };
}

export function question(content: string): Omit<Message, "parent"> {
  return { role: "user", content, thinking: "", ending: null, usage: null };
}

export function emptyAnswer(): Omit<Message, "parent"> {
  return { role: "assistant", content: "", thinking: "", ending: null, usage: null };
}

/** What a conversation is called: its own title, or the first line of its first question. */
export function titleOf({ title, messages }: Conversation): string {
  if (title !== "") return title;
  const line = messages[0]?.content.trim().split("\n", 1)[0] ?? "";
  const letters = [...line];
  return letters.length > TITLE_LENGTH ? `${letters.slice(0, TITLE_LENGTH - 1).join("")}…` : line;
}
