/** Conversations as a JSON file, with all their branches. A file that comes in is hostile: every member is checked. */

import { Field } from "../../runtime/fields.ts";
import { type Conversation, ENDINGS, LONGEST_TITLE, type Message } from "./conversation.ts";
import { allows, isNumberName, type NumberName, type Settings } from "./settings.ts";

const FORMAT = "windowseat-conversations";
const VERSION = 1;

/** More than anybody has written; a file with more is no file of ours. */
const MOST_MESSAGES = 100_000;

/** What an answer cost on this device stays here. */
export function writeJson(conversations: readonly Conversation[]): string {
  const written = conversations.map(({ title, created, changed, settings, messages, shown }) => ({
    title,
    created,
    changed,
    settings,
    messages: messages.map(({ usage: _, ...message }) => message),
    shown,
  }));
  return `${JSON.stringify({ format: FORMAT, version: VERSION, conversations: written }, null, 1)}\n`;
}

/** The conversations in a file, each under a new id, so that none takes the place of one that is here. */
export function readJson(text: string): readonly Conversation[] {
  const file = new Field("", JSON.parse(text));
  if (!file.isObject || file.get("format").value !== FORMAT) {
    throw new Error(`it is no file of chats: its "format" is not "${FORMAT}"`);
  }
  file.get("version").oneOf([VERSION]);
  return file.get("conversations").list(readConversation);
}

function readConversation(field: Field): Conversation {
  const messages = field.get("messages").list(readMessage);
  if (messages.length > MOST_MESSAGES) {
    throw new Error(`${field.place} has ${messages.length} messages, more than ${MOST_MESSAGES}`);
  }
  for (const [at, message] of messages.entries()) checkPlace(field, messages, at, message);
  const shown = optional(field.get("shown"), (place) => place.integer());
  if (shown !== null && shown >= messages.length) {
    throw new Error(
      `${field.place}.shown is ${shown}, past the last of ${messages.length} messages`,
    );
  }
  return {
    id: crypto.randomUUID(),
    title: field.get("title").text.slice(0, LONGEST_TITLE),
    created: field.get("created").integer(),
    changed: field.get("changed").integer(),
    settings: readSettings(field.get("settings")),
    messages,
    shown,
  };
}

function readMessage(field: Field): Message {
  return {
    parent: optional(field.get("parent"), (parent) => parent.integer()),
    role: field.get("role").oneOf(["user", "assistant"]),
    content: field.get("content").text,
    thinking: field.get("thinking").text,
    ending: optional(field.get("ending"), (ending) => ending.oneOf(ENDINGS)),
    usage: null,
  };
}

/** A message follows an earlier one of the other role, so the tree has no circles; a question comes first. */
function checkPlace(
  { place }: Field,
  messages: readonly Message[],
  at: number,
  { parent, role }: Message,
): void {
  const before = parent === null ? "assistant" : parent < at ? messages[parent]?.role : undefined;
  if (before === undefined || before === role) {
    throw new Error(`${place}.messages[${at}].parent is ${parent}, which no ${role} may follow`);
  }
}

function readSettings(field: Field): Settings {
  const numbers: Partial<Record<NumberName, number>> = {};
  for (const [name, value] of Object.entries(field.get("numbers").object)) {
    if (!isNumberName(name) || typeof value !== "number" || !allows(name, value)) {
      throw new Error(
        `${field.place}.numbers.${name.slice(0, 40)} is no number that a chat may have`,
      );
    }
    numbers[name] = value;
  }
  return { system: field.get("system").text, thinking: field.get("thinking").flag, numbers };
}

function optional<T>(field: Field, read: (field: Field) => T): T | null {
  return field.value === null ? null : read(field);
}
