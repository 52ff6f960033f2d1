import { type DBSchema, type IDBPDatabase, openDB } from "idb";
import { messageOf } from "../../runtime/message_of.ts";
import type { Conversation } from "./conversation.ts";

interface Schema extends DBSchema {
  readonly conversations: { readonly key: string; readonly value: Conversation };
}

const NAME = "windowseat";

/** A change to a conversation, which can be made to what this tab has and to what is stored. */
export type Edit = (conversation: Conversation) => Conversation;

/**
 * All conversations of this browser, in memory and in IndexedDB. Where that is missing or full they last until the page is
 * closed.
 */
export class Library {
  readonly #database: IDBPDatabase<Schema> | null;
  readonly #all: Map<string, Conversation>;
  /** Tells other tabs what has changed here. */
  readonly #tabs = new BroadcastChannel(NAME);
  /** Why changes are not kept, in the browser's words; null as long as they are. */
  #trouble: string | null = null;

  private constructor(database: IDBPDatabase<Schema> | string, all: readonly Conversation[]) {
    this.#database = typeof database === "string" ? null : database;
    this.#trouble = typeof database === "string" ? database : null;
    this.#all = new Map(all.map((conversation) => [conversation.id, conversation]));
  }

  static async open(): Promise<Library> {
    try {
      const database = await openDB<Schema>(NAME, 1, {
        upgrade: (made) => {
          made.createObjectStore("conversations", { keyPath: "id" });
        },
      });
      return new Library(database, await database.getAll("conversations"));
    } catch (error) {
      return new Library(problemOf(error), []);
    }
  }

  get trouble(): string | null {
    return this.#trouble;
  }

  /** The ones with all these words in their title or messages, the one that changed last first. */
  find(words: string): readonly Conversation[] {
    const wanted = fold(words).split(/\s+/).filter(Boolean);
    const all = [...this.#all.values()].sort((a, b) => b.changed - a.changed);
    if (wanted.length === 0) return all;
    const fits = ({ title, messages }: Conversation): boolean => {
      const text = fold([title, ...messages.map(({ content }) => content)].join("\n"));
      return wanted.every((word) => text.includes(word));
    };
    return all.filter(fits);
  }

  get(id: string): Conversation | undefined {
    return this.#all.get(id);
  }

  /** A conversation as it is stored, with what other tabs have made of it; undefined where that cannot be told. */
  async stored(id: string): Promise<Conversation | undefined> {
    if (this.#trouble !== null) return undefined;
    try {
      return await this.#database?.get("conversations", id);
    } catch {
      return undefined;
    }
  }

  /** Keeps a conversation that was edited here, on top of what another tab has stored of it meanwhile. */
  async keep(edited: Conversation, edit: Edit): Promise<void> {
    const kept = this.#all.has(edited.id) && this.#trouble === null;
    this.#all.set(edited.id, edited);
    await this.#write(async (database) => {
      const { store, done } = database.transaction("conversations", "readwrite");
      const stored = await store.get(edited.id);
      if (stored === undefined && kept) return; // another tab has just deleted it
      const both = stored === undefined ? edited : edit(stored);
      // What is stored has fewer messages where an earlier change could not be kept.
      const whole = both.messages.length < edited.messages.length ? edited : both;
      await Promise.all([store.put(whole), done]);
    });
    this.#tabs.postMessage(edited.id);
  }

  async put(...conversations: readonly Conversation[]): Promise<void> {
    for (const conversation of conversations) this.#all.set(conversation.id, conversation);
    await this.#write(async (database) => {
      const { store, done } = database.transaction("conversations", "readwrite");
      await Promise.all([...conversations.map((conversation) => store.put(conversation)), done]);
    });
    for (const { id } of conversations) this.#tabs.postMessage(id);
  }

  async delete(id: string): Promise<void> {
    this.#all.delete(id);
    await this.#write((database) => database.delete("conversations", id));
    this.#tabs.postMessage(id);
  }

  /** Calls back when another tab has changed a conversation. */
  follow(changed: (id: string) => void): void {
    this.#tabs.addEventListener("message", async ({ data: id }: MessageEvent<string>) => {
      if (this.#database === null) return;
      const conversation = await this.#database.get("conversations", id);
      if (conversation) this.#all.set(id, conversation);
      else this.#all.delete(id);
      changed(id);
    });
  }

  async #write(step: (database: IDBPDatabase<Schema>) => Promise<void>): Promise<void> {
    if (this.#database === null) return;
    try {
      await step(this.#database);
      this.#trouble = null;
    } catch (error) {
      this.#trouble = problemOf(error);
    }
  }
}

/** The browser's words without the full stop that they may end with, for they stand within a sentence. */
function problemOf(error: unknown): string {
  return messageOf(error).replace(/[.\s]+$/, "");
}

/** Letters without their marks and in one case, so that "Käse" is found by "kase". */
function fold(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}
