import type { ModelSummary } from "../runtime/messages.ts";
import { ChatCompletions } from "./chat.ts";
import type { Answering, Client } from "./client.ts";
import { Completions } from "./completions.ts";
import { refusal } from "./error.ts";

/**
 * A conversation with a state of its own on an engine's model: what it has read need not be read again.
 *
 * Its requests are answered one after the other, and take turns with those of other sessions between tokens. Its GPU
 * memory is bounded: when much waits or memory is short, the session that was not used for longest loses its state, and its
 * next request reads its messages again.
 */
export class Session {
  readonly chat: { readonly completions: ChatCompletions };
  readonly completions: Completions;
  readonly #client: Client;
  readonly #model: ModelSummary;
  readonly #number: number;
  #closed = false;

  constructor(client: Client, model: ModelSummary, number: number) {
    const answering: Answering = {
      generate: (...request) => this.#generate(...request),
    };
    this.#client = client;
    this.#model = model;
    this.#number = number;
    this.chat = { completions: new ChatCompletions(answering, model) };
    this.completions = new Completions(answering, model);
  }

  /** Another session that goes on from where this one stands, once the requests before are answered. */
  async fork(): Promise<Session> {
    this.#check();
    const to = this.#client.newSession();
    await this.#client.ask({ kind: "fork", session: this.#number, to }, "settled", null);
    return new Session(this.#client, this.#model, to);
  }

  /**
   * The state as bytes, once the requests before are answered: `engine.restore` takes them, on a later visit too, and
   * nothing needs to be read again: what the cache holds of each token, and the recurrent state. Throws an `ApiError` where
   * that was lost since, as memory was short or with the GPU; after another request it is there.
   */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    this.#check();
    const question = { kind: "save", session: this.#number } as const;
    return (await this.#client.ask(question, "saved", null)).state;
  }

  /** Ends its requests; resolves once its memory is free. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // Where the engine cannot do it, the memory is gone with the engine.
    const question = { kind: "end", session: this.#number } as const;
    await this.#client.ask(question, "settled", null).catch(() => {});
  }

  async *#generate(
    request: Parameters<Answering["generate"]>[0],
    signal: AbortSignal | undefined,
    textParam: string,
  ): ReturnType<Answering["generate"]> {
    this.#check();
    const numbered = { ...request, session: this.#number };
    for await (const message of this.#client.generate(numbered, signal, textParam)) {
      if (message.kind === "done" && message.reason === "cancelled") this.#check();
      yield message;
    }
  }

  #check(): void {
    if (this.#closed) {
      throw refusal("session_closed", null, "The session was closed; begin another one.");
    }
  }
}

/** A session with the state in these bytes, which stay the caller's own. */
export async function restoreSession(
  client: Client,
  model: ModelSummary,
  bytes: Uint8Array,
): Promise<Session> {
  if (!(bytes instanceof Uint8Array)) {
    throw refusal(
      "invalid_type",
      "bytes",
      "bytes is no Uint8Array; give what session.save() gave.",
    );
  }
  const session = client.newSession();
  const question = { kind: "restore", session, state: new Uint8Array(bytes) } as const;
  await client.ask(question, "settled", "bytes");
  return new Session(client, model, session);
}
