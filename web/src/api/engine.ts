import type { LoadStage, ModelSummary } from "../runtime/messages.ts";
import { ChatCompletions } from "./chat.ts";
import { checkLoad } from "./check_load.ts";
import { Client } from "./client.ts";
import { Completions } from "./completions.ts";
import type { Connect } from "./connection.ts";
import { countTokens } from "./count.ts";
import { answerFetch } from "./fetch.ts";
import { restoreSession, Session } from "./session.ts";
import type { ChatParams, CompletionParams, ModelEntry, ModelList } from "./types.ts";

/** How far a load is. */
export interface LoadProgress {
  /** `manifest`, then `weights`, then `kernels`. */
  readonly stage: LoadStage;
  /** Bytes of weights, or files and kernels. */
  readonly done: number;
  readonly total: number;
}

/** What may be chosen of a load. */
export interface LoadOptions {
  /** Called some 20 times a second at most. */
  readonly onProgress?: ((progress: LoadProgress) => void) | undefined;
  /** Ends the load: it throws the signal's reason. What has come of the model is kept for the next load. */
  readonly signal?: AbortSignal | undefined;
  /** Whether this browser may keep the bundle's files for the next load, and use those it keeps. True unless given. */
  readonly cache?: boolean | undefined;
  /** The bundle's variant to run, by its name; the fastest that the device can take unless given. */
  readonly variant?: string | undefined;
  /** Tokens that a conversation may hold, up to the bundle's own maximum; the bundle's default unless given. */
  readonly context?: number | undefined;
  /** Whether keys and values are kept in full or in 8 bits; as the variant has it, or in full, unless given. */
  readonly kvCache?: "full" | "q8" | undefined;
}

/** A loaded model that answers as OpenAI's API does. */
export class WindowseatEngine {
  /** What was loaded: its name, variant, context and how long it took. */
  readonly model: ModelSummary;
  readonly chat: { readonly completions: ChatCompletions };
  readonly completions: Completions;
  readonly models: { readonly list: () => Promise<ModelList> };
  /**
   * A `fetch` that answers `/v1/chat/completions`, `/v1/completions` and `/v1/models` itself: for OpenAI's client, and for
   * whatever else takes a `fetch`. It needs no `this`.
   */
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>;
  readonly #client: Client;

  constructor(client: Client, model: ModelSummary) {
    const created = Math.floor(Date.now() / 1000);
    const entry: ModelEntry = { id: model.name, object: "model", created, owned_by: "windowseat" };
    this.model = model;
    this.#client = client;
    this.chat = { completions: new ChatCompletions(client, model) };
    this.completions = new Completions(client, model);
    this.models = { list: async () => ({ object: "list", data: [entry] }) };
    this.fetch = answerFetch(this);
  }

  /**
   * Tokens that the prompt of a request has, the chat template's own included. Takes whatever `create` takes, and throws an
   * `ApiError` where that would refuse it before it reads.
   */
  countTokens(request: ChatParams | CompletionParams): Promise<number> {
    return countTokens(this.#client, this.model, request);
  }

  /**
   * Begins a conversation with a state of its own, beside the one that `chat` and `completions` here go on with. It takes
   * memory with its first request, and until it is closed.
   */
  session(): Session {
    return new Session(this.#client, this.model, this.#client.newSession());
  }

  /**
   * Begins a conversation with what `session.save()` gave, in this visit or an earlier one. Throws an `ApiError` for bytes
   * that are damaged, or of another model, variant or build.
   */
  restore(bytes: Uint8Array): Promise<Session> {
    return restoreSession(this.#client, this.model, bytes);
  }

  /** Frees the GPU; requests under way fail. */
  close(): void {
    this.#client.close();
  }
}

/** Loads a bundle into an engine at the end of a new connection; without a model there is no connection left. */
export async function loadEngine(
  connect: Connect,
  bundle: string,
  options: LoadOptions,
): Promise<WindowseatEngine> {
  const message = { bundle, ...checkLoad(options) };
  const client = new Client(connect);
  const { onProgress, signal } = options;
  try {
    const report = (stage: LoadStage, done: number, total: number): void =>
      onProgress?.({ stage, done, total });
    return new WindowseatEngine(client, await client.load(message, report, signal));
  } catch (error) {
    client.close();
    throw error;
  }
}
