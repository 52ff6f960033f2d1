/**
 * A conversation that is open in several tabs. Messages are named by their places, so only one tab at a time adds any: it
 * holds a lock while it writes, which the browser lets go of when that tab is closed or breaks down.
 */

import type { Conversation, Message } from "./conversation.ts";
import { branchTo } from "./tree.ts";

/** Lets the other tabs write again. */
export type EndTurn = () => void;

const lockOf = (id: string): string => `windowseat-chat-${id}`;

/** Takes the turn to write in a conversation; null where another tab has it. */
export async function takeTurn(id: string): Promise<EndTurn | null> {
  const lock = lockOf(id);
  try {
    const atOnce = await request(lock, { ifAvailable: true });
    if (atOnce !== null) return atOnce;
    // Those who wait for the end of a turn stand in the way only for a moment.
    const { held = [] } = await navigator.locks.query();
    const taken = held.some(({ name, mode }) => name === lock && mode === "exclusive");
    return taken ? null : await request(lock, {});
  } catch {
    return () => {}; // where locks are refused, storage is too, and no other tab has the conversation
  }
}

function request(lock: string, options: LockOptions): Promise<EndTurn | null> {
  return new Promise((resolve, reject) => {
    const hold = (granted: Lock | null): Promise<void> | undefined => {
      if (granted !== null) return new Promise(resolve);
      resolve(null);
      return undefined;
    };
    navigator.locks.request(lock, options, hold).catch(reject);
  });
}

/** Waits until no other tab writes in a conversation. */
export async function endOfTurn(id: string): Promise<void> {
  try {
    await navigator.locks.request(lockOf(id), { mode: "shared" }, () => {});
  } catch {
    // As above, nobody else can be writing.
  }
}

/**
 * What another tab has stored, in this tab's own objects where they are the same, so that what is on screen stays there. The
 * branch that is shown here stays the one that is shown, and grows.
 */
export function caughtUp(mine: Conversation, stored: Conversation): Conversation {
  const messages = stored.messages.map((message, at) => {
    const own = mine.messages[at];
    return own !== undefined && alike(own, message) ? own : message;
  });
  const { shown } = mine;
  const elsewhere =
    shown !== null && shown < messages.length && !branchTo(messages, stored.shown).includes(shown);
  return { ...stored, messages, shown: elsewhere ? shown : stored.shown };
}

function alike(one: Message, other: Message): boolean {
  return (
    one.parent === other.parent &&
    one.role === other.role &&
    one.content === other.content &&
    one.thinking === other.thinking &&
    one.ending === other.ending
  );
}
