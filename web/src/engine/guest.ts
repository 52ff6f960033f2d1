import type { Conversation } from "../runtime/conversation.ts";
import { failureOf, WindowseatError } from "../runtime/failure.ts";
import type { FromEngine, GenerateRequest, ToEngine } from "../runtime/messages.ts";
import { openSaved } from "../runtime/saved.ts";
import type { Engine } from "./engine.ts";
import { Session } from "./session.ts";

type Message<Kind extends ToEngine["kind"]> = Extract<ToEngine, { readonly kind: Kind }>;

/** A page's requests and sessions on an engine, by the numbers that the page gave them. */
export class Guest {
  readonly engine: Engine;
  readonly #emit: (message: FromEngine) => void;
  readonly #sessions = new Map([[0, new Session()]]);
  readonly #jobs = new Map<number, { readonly session: Session; readonly stop: AbortController }>();

  constructor(engine: Engine, emit: (message: FromEngine) => void) {
    this.engine = engine;
    this.#emit = emit;
  }

  /** Queues a request; everything about it is emitted, failures too. */
  async generate(request: GenerateRequest, emit = this.#emit): Promise<void> {
    const { id } = request;
    if (this.#jobs.has(id)) {
      const message = `Request ${id} is still running; give every request a number of its own.`;
      return emit({ kind: "failed", id, failure: { code: "bad_request", message } });
    }
    const session = this.#session(request.session ?? 0);
    const stop = new AbortController();
    const job = { request, session, emit, signal: stop.signal, since: performance.now() };
    this.#jobs.set(id, { session, stop });
    const end = await settle(id, () => session.run(() => this.engine.answer(job)));
    this.#jobs.delete(id);
    emit(end);
  }

  async count(request: Message<"count">): Promise<void> {
    const { id } = request;
    this.#emit(
      await settle(id, async () => ({ kind: "counted", id, tokens: this.engine.count(request) })),
    );
  }

  /** Ends a request early, running or queued; does nothing for one that is over. */
  stop(id: number): void {
    this.#jobs.get(id)?.stop.abort();
  }

  async fork({ id, session, to }: Message<"fork">): Promise<void> {
    const from = this.#session(session);
    await this.#begin(id, to, (begun) =>
      from.run(() => {
        begun.hasRead = from.hasRead;
        return this.engine.use(from, (conversation) =>
          this.engine.use(begun, (copy) => conversation.copyTo(copy)),
        );
      }),
    );
  }

  async restore({ id, session, state }: Message<"restore">): Promise<void> {
    await this.#begin(id, session, async (begun) => {
      const saved = await openSaved(this.engine.model.facts, state);
      return await this.engine.use(begun, (conversation) => conversation.restore(saved));
    });
  }

  async save({ id, session }: Message<"save">): Promise<void> {
    const saved = this.#session(session);
    const end = await settle(id, async () => {
      const save = (conversation: Conversation) => {
        if (saved.hasRead && conversation.length === 0) throw nothingLeft();
        return conversation.save();
      };
      const state = await saved.run(() => this.engine.use(saved, save));
      return { kind: "saved", id, state };
    });
    this.#emit(end);
  }

  async end({ id, session }: Message<"end">): Promise<void> {
    this.#emit(
      await settle(id, async () => {
        await this.#end(session);
        return { kind: "settled", id };
      }),
    );
  }

  /** Ends everything of this page. */
  async leave(): Promise<void> {
    await Promise.all([...this.#sessions.keys()].map((number) => this.#end(number)));
  }

  /** Begins a session with a state that `fill` brings, or gives false for want of memory; without it there is no session. */
  async #begin(
    id: number,
    number: number,
    fill: (session: Session) => Promise<boolean>,
  ): Promise<void> {
    const end = await settle(id, async () => {
      if (this.#sessions.has(number)) {
        throw new WindowseatError(
          "bad_request",
          `Session ${number} is there already; give every session a number of its own.`,
        );
      }
      const session = this.#session(number);
      try {
        await session.run(async () => {
          if (!(await fill(session))) throw noRoom();
        });
      } catch (error) {
        await this.#end(number);
        throw error;
      }
      return { kind: "settled", id };
    });
    this.#emit(end);
  }

  /** Ends a session's requests, and frees its memory once they are over. */
  async #end(number: number): Promise<void> {
    const session = this.#sessions.get(number);
    if (!session) return;
    this.#sessions.delete(number);
    for (const job of this.#jobs.values()) if (job.session === session) job.stop.abort();
    await session.run(() => this.engine.end(session));
  }

  #session(number: number): Session {
    const known = this.#sessions.get(number);
    if (known) return known;
    const session = new Session();
    this.#sessions.set(number, session);
    return session;
  }
}

/** What a step gives to say, or what it fails with. */
async function settle(id: number, step: () => Promise<FromEngine>): Promise<FromEngine> {
  try {
    return await step();
  } catch (error) {
    return { kind: "failed", id, failure: failureOf(error) };
  }
}

function nothingLeft(): WindowseatError {
  return new WindowseatError(
    "bad_request",
    "The session has nothing to save: what it had read was lost, to another session that needed the memory or with the GPU; ask it once more, and save it then.",
  );
}

function noRoom(): WindowseatError {
  return new WindowseatError(
    "adapter_too_small",
    "The GPU has no memory for the state of another conversation; close one, or other pages.",
  );
}
