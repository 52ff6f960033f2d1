import type { Conversation } from "../runtime/conversation.ts";
import { WindowseatError } from "../runtime/failure.ts";
import type { Model } from "../runtime/model.ts";

/** Conversations that wait may hold so much GPU memory between them, or as much as the weights if that is more. */
const WAITING_BYTES = 256 * 2 ** 20;

/** A conversation as pages know it: one thing at a time, in the order in which it was asked for. */
export class Session {
  /** Whether it ever had a state that had read something; that may be lost by now. */
  hasRead = false;
  #last: Promise<unknown> = Promise.resolve();

  /** Runs a step when all steps before it are over. */
  run<T>(step: () => Promise<T>): Promise<T> {
    const done = this.#last.then(step);
    this.#last = done.catch(() => {});
    return done;
  }
}

/**
 * Which sessions have memory on a model's GPU.
 *
 * A session gets it with its first request. Those that wait may lose it again, the one that was not used for longest
 * first: its next request reads all of its messages anew. The last one used keeps it, unless another one finds no memory.
 */
export class Residents {
  readonly #model: Model;
  readonly #most: number;
  /** From the one that was not used for longest. */
  readonly #held = new Map<Session, Conversation>();
  readonly #busy = new Set<Session>();
  #firstIsFree = true;

  constructor(model: Model) {
    this.#model = model;
    this.#most = Math.max(WAITING_BYTES, model.facts.manifest.weights.bytes);
    model.spare = () => this.#spare();
  }

  /** Runs a step with the session's conversation, which nobody takes from it meanwhile. */
  async use<T>(session: Session, step: (conversation: Conversation) => Promise<T>): Promise<T> {
    this.#busy.add(session);
    try {
      const conversation = this.#held.get(session) ?? (await this.#begin());
      this.#held.delete(session);
      this.#held.set(session, conversation);
      const result = await step(conversation);
      session.hasRead ||= conversation.length > 0;
      return result;
    } finally {
      this.#busy.delete(session);
      await this.#trim();
    }
  }

  /** Frees the memory of a session in which nothing runs. */
  async end(session: Session): Promise<void> {
    const conversation = this.#held.get(session);
    this.#held.delete(session);
    if (conversation) await this.#free(conversation);
  }

  async #begin(): Promise<Conversation> {
    for (;;) {
      if (this.#firstIsFree) {
        this.#firstIsFree = false;
        return this.#model.first;
      }
      const conversation = await this.#model.begin();
      if (conversation) return conversation;
      if (await this.#spare()) continue;
      throw new WindowseatError(
        "adapter_too_small",
        `The GPU has no memory for another conversation beside ${this.#held.size}; close one, or other pages.`,
      );
    }
  }

  async #free(conversation: Conversation): Promise<void> {
    if (conversation !== this.#model.first) return this.#model.end(conversation);
    await conversation.clear();
    this.#firstIsFree = true;
  }

  /** Takes the memory of the waiting session that was not used for longest; false when none has any. */
  async #spare(): Promise<boolean> {
    const [oldest] = this.#waiting();
    if (!oldest) return false;
    await this.end(oldest);
    return true;
  }

  async #trim(): Promise<void> {
    for (;;) {
      const waiting = this.#waiting();
      const bytes = waiting
        .slice(0, -1)
        .reduce((sum, session) => sum + (this.#held.get(session)?.memoryBytes ?? 0), 0);
      if (bytes <= this.#most) return;
      await this.#spare();
    }
  }

  #waiting(): Session[] {
    return [...this.#held.keys()].filter((session) => !this.#busy.has(session));
  }
}
