import {
  ApiError,
  type LoadProgress,
  type Message,
  Windowseat,
  type WindowseatEngine,
} from "../api/index.ts";
import { bundleAddress } from "../runtime/bundle_address.ts";
import { messageOf } from "../runtime/message_of.ts";
import { type BundleFacts, readFacts } from "./bundle_facts.ts";
import { ERROR_CODES, type ErrorDetail, type ReadyDetail, WidgetError } from "./panel_types.ts";
import type { WorkerSource } from "./sources.ts";
import { type Started, startWorker } from "./start_worker.ts";

/** A larger download waits for the visitor's consent. */
const LARGE = 25e6;

/** How an answer ended that nobody stopped. */
export type Ending = "whole" | "full";

/** A model in a worker, from the first look at its size to its answers. */
export class Assistant {
  readonly facts: Promise<BundleFacts>;
  readonly #bundle: string;
  readonly #source: WorkerSource;
  readonly #ended = new AbortController();
  #worker: Worker | null = null;
  #engine: WindowseatEngine | null = null;

  constructor(bundle: string, source: WorkerSource) {
    this.#bundle = bundle;
    this.#source = source;
    this.facts = readFacts(bundle);
  }

  /** The bytes that a load has to fetch, if that is worth a question; null where it may begin at once. */
  async look(askAlways: boolean): Promise<number | null> {
    const [{ bytes }, stored] = await Promise.all([this.facts, this.#start()]);
    if (!(askAlways || bytes > LARGE || savesData())) return null;
    const address = bundleAddress(this.#bundle);
    if (stored.some((kept) => kept.complete && kept.address === address)) return null;
    // Nobody should be asked to download what cannot run: the load itself says why.
    return (await navigator.gpu?.requestAdapter()) ? bytes : null;
  }

  /** Starts the worker, which ends with this even where the rest of the look fails; gives what the browser keeps. */
  async #start(): Promise<Started["stored"]> {
    const { worker, stored } = await startWorker(this.#source);
    this.#worker = worker;
    if (this.#ended.signal.aborted) worker.terminate();
    return stored;
  }

  async load(onProgress: (progress: LoadProgress) => void): Promise<ReadyDetail> {
    if (this.#worker === null)
      throw new WidgetError("internal", "The model was not looked at before its load.");
    const { signal } = this.#ended;
    this.#engine = await Windowseat.load(this.#bundle, {
      worker: this.#worker,
      onProgress,
      signal,
    });
    const { name, context } = this.#engine.model;
    return { model: name, context };
  }

  /** The pieces of an answer, and at its end how it ended. */
  async *answer(
    messages: readonly Message[],
    signal: AbortSignal,
  ): AsyncGenerator<string, Ending, undefined> {
    if (this.#engine === null)
      throw new WidgetError("internal", "The model was not loaded before its first question.");
    const params = {
      messages,
      ...(await this.facts).sampling,
      // A panel in a corner is for quick answers.
      ...(this.#engine.model.thinks && { enable_thinking: false }),
      stream: true,
    } as const;
    const stream = await this.#engine.chat.completions.create(params, { signal });
    let ending: Ending = "whole";
    for await (const { choices } of stream) {
      const choice = choices[0];
      if (choice?.delta.content) yield choice.delta.content;
      if (choice?.finish_reason === "length") ending = "full";
    }
    return ending;
  }

  close(): void {
    this.#ended.abort();
    if (this.#engine) this.#engine.close();
    else this.#worker?.terminate();
  }
}

/** Any thrown value for those who listen. */
export function detailOf(thrown: unknown): ErrorDetail {
  const message = messageOf(thrown);
  const given = thrown instanceof WidgetError || thrown instanceof ApiError ? thrown.code : null;
  return { code: ERROR_CODES.find((code) => code === given) ?? "internal", message };
}

function savesData(): boolean {
  return (
    "connection" in navigator &&
    typeof navigator.connection === "object" &&
    navigator.connection !== null &&
    "saveData" in navigator.connection &&
    navigator.connection.saveData === true
  );
}
