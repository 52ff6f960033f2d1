import type {
  CountRequest,
  Failure,
  FromEngine,
  GenerateRequest,
  LoadStage,
  ModelSummary,
  ToEngine,
} from "../runtime/messages.ts";
import type { Connect, Connection } from "./connection.ts";
import { errorOf } from "./error.ts";

export type LoadMessage = Omit<Extract<ToEngine, { readonly kind: "load" }>, "kind">;

/** What a question gets. */
type Reply = "counted" | "settled" | "saved";

/** Something about one request that its engine said. */
export type Heard = Exclude<
  FromEngine,
  {
    readonly kind:
      | "loading"
      | "ready"
      | "stored"
      | "storage_speed"
      | "storage_failed"
      | "failed"
      | Reply;
  }
>;

/** What has requests answered: a client, or one of its sessions. */
export type Answering = Pick<Client, "generate">;

type Unnumbered<Message> = Message extends { readonly id: number } ? Omit<Message, "id"> : never;

/** What gets one answer. */
type Question = Unnumbered<
  Extract<ToEngine, { readonly kind: "count" | "fork" | "save" | "restore" | "end" }>
>;

const CLOSED: Failure = {
  code: "cancelled",
  message: "The engine was closed; load the model again.",
};

/** One engine behind a connection: which message belongs to which request. */
export class Client {
  readonly #connection: Connection;
  readonly #open = new Map<number, (message: FromEngine) => void>();
  #loading: ((message: FromEngine) => void) | null = null;
  #lastId = 0;
  #lastSession = 0;
  /** Why there is no engine any more. */
  #gone: Failure | null = null;

  constructor(connect: Connect) {
    this.#connection = connect((message) => this.#hear(message));
  }

  /** Has a bundle loaded; when `signal` ends it early, it throws the signal's reason. */
  async load(
    message: LoadMessage,
    onProgress: (stage: LoadStage, done: number, total: number) => void,
    signal: AbortSignal | undefined,
  ): Promise<ModelSummary> {
    signal?.throwIfAborted();
    const cancel = (): void => this.#connection.send({ kind: "cancel_load" });
    signal?.addEventListener("abort", cancel);
    try {
      const model = await new Promise<ModelSummary>((resolve, reject) => {
        this.#loading = (heard) => {
          if (heard.kind === "loading") onProgress(heard.stage, heard.done, heard.total);
          else if (heard.kind === "ready") resolve(heard.model);
          else if (heard.kind === "failed") {
            reject(signal?.aborted ? signal.reason : errorOf(heard.failure));
          }
        };
        this.#connection.send({ kind: "load", ...message });
      });
      signal?.throwIfAborted(); // the model was on its way already
      return model;
    } finally {
      this.#loading = null;
      signal?.removeEventListener("abort", cancel);
    }
  }

  /**
   * What the engine says about a request, `done` last. It ends early by a return or by the signal, whose reason it throws;
   * the engine then stops. `textParam` is where the request's text stands, for errors.
   */
  async *generate(
    request: Omit<GenerateRequest, "id">,
    signal: AbortSignal | undefined,
    textParam: string,
  ): AsyncGenerator<Heard, void, undefined> {
    signal?.throwIfAborted();
    if (this.#gone) throw errorOf(this.#gone);
    this.#lastId += 1;
    const id = this.#lastId;
    const waiting: FromEngine[] = [];
    let wake = (): void => {};
    this.#open.set(id, (message) => {
      waiting.push(message);
      wake();
    });
    let over = false;
    let stopped = false;
    const stop = (): void => {
      if (over || stopped) return;
      stopped = true;
      this.#connection.send({ kind: "stop", id });
    };
    // At once: who has stopped reading may never ask for the next piece.
    const onAbort = (): void => {
      stop();
      wake();
    };
    signal?.addEventListener("abort", onAbort);
    try {
      this.#connection.send({ kind: "generate", id, ...request });
      while (!over) {
        signal?.throwIfAborted();
        const message = waiting.shift();
        if (message === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
          continue;
        }
        over = message.kind === "done" || message.kind === "failed";
        if (message.kind === "failed") throw errorOf(message.failure, textParam);
        if ("id" in message && !isReply(message)) yield message;
      }
    } finally {
      this.#open.delete(id);
      signal?.removeEventListener("abort", onAbort);
      stop();
    }
  }

  /** Tokens of a request's prompt; `textParam` is where its text stands, for errors. */
  async count(request: Omit<CountRequest, "id">, textParam: string): Promise<number> {
    return (await this.ask({ kind: "count", ...request }, "counted", textParam)).tokens;
  }

  /** A number that no session of this client has had. */
  newSession(): number {
    this.#lastSession += 1;
    return this.#lastSession;
  }

  /** The one answer that a question gets; `param` is where the fault is if the engine refuses. */
  async ask<Kind extends Reply>(
    question: Question,
    kind: Kind,
    param: string | null,
  ): Promise<Extract<FromEngine, { readonly kind: Kind }>> {
    if (this.#gone) throw errorOf(this.#gone);
    this.#lastId += 1;
    const id = this.#lastId;
    try {
      return await new Promise((resolve, reject) => {
        this.#open.set(id, (message) => {
          if (isOf(message, kind)) resolve(message);
          else if (message.kind === "failed") reject(errorOf(message.failure, param));
        });
        this.#connection.send({ ...question, id });
      });
    } finally {
      this.#open.delete(id);
    }
  }

  /** Ends the engine; requests that are open fail. */
  close(): void {
    if (!this.#gone) this.#end(CLOSED);
    this.#connection.close();
  }

  #hear(message: FromEngine): void {
    if (this.#loading) this.#loading(message);
    else if ("id" in message && message.id !== null) this.#open.get(message.id)?.(message);
    else if (message.kind === "failed") this.#end(message.failure);
  }

  #end(failure: Failure): void {
    this.#gone = failure;
    for (const [id, tell] of this.#open) tell({ kind: "failed", id, failure });
  }
}

function isReply(message: FromEngine): message is Extract<FromEngine, { readonly kind: Reply }> {
  return isOf(message, "counted") || isOf(message, "settled") || isOf(message, "saved");
}

function isOf<Kind extends FromEngine["kind"]>(
  message: FromEngine,
  kind: Kind,
): message is Extract<FromEngine, { readonly kind: Kind }> {
  return message.kind === kind;
}
