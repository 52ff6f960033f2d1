/**
 * The messages of a conversation as a tree. Each message names the one before it; an edited question and another answer
 * are siblings of the first. A change gives a new conversation and leaves the old one as it was.
 */

import type { ChatMessage } from "../../runtime/messages.ts";
import type { Conversation, Message } from "./conversation.ts";

/** The places of the messages on screen, the first one first. */
export function branch({ messages, shown }: Conversation): readonly number[] {
  return branchTo(messages, shown);
}

/** The places of the messages up to one, the first one first. */
export function branchTo(messages: readonly Message[], last: number | null): readonly number[] {
  const places: number[] = [];
  for (let at = last; at !== null; at = messages[at]?.parent ?? null) places.unshift(at);
  return places;
}

/** The places of all messages that follow the same one as this does, itself among them. */
export function siblings({ messages }: Conversation, at: number): readonly number[] {
  const parent = messages[at]?.parent;
  return [...messages.keys()].filter((place) => messages[place]?.parent === parent);
}

/** Adds a message after another, null for the beginning, and shows it. */
export function add(
  conversation: Conversation,
  parent: number | null,
  message: Omit<Message, "parent">,
): Conversation {
  const messages = [...conversation.messages, { ...message, parent }];
  return { ...conversation, messages, shown: messages.length - 1, changed: Date.now() };
}

/** Changes a message in its place. */
export function change(conversation: Conversation, at: number, by: Partial<Message>): Conversation {
  const messages = conversation.messages.map((message, place) =>
    place === at ? { ...message, ...by } : message,
  );
  return { ...conversation, messages, changed: Date.now() };
}

/** Shows the branch through a message; below it, whatever was written last. */
export function show(conversation: Conversation, at: number): Conversation {
  let shown = at;
  for (let next = at; next >= 0; ) {
    shown = next;
    next = conversation.messages.findLastIndex(({ parent }) => parent === shown);
  }
  return { ...conversation, shown };
}

/** What the model is told of the messages up to one. */
export function chatMessages(
  { messages, settings }: Conversation,
  last: number | null,
): readonly ChatMessage[] {
  const said = branchTo(messages, last).flatMap((at): ChatMessage[] => {
    const message = messages[at];
    if (message === undefined) return [];
    const { role, content, thinking } = message;
    return [{ role, content, ...(thinking !== "" && { reasoning_content: thinking }) }];
  });
  const system = settings.system.trim();
  return system === "" ? said : [{ role: "system", content: system }, ...said];
}
