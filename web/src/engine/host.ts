import { failureOf, WindowseatError } from "../runtime/failure.ts";
import type { FromEngine, LoadStage, ToEngine } from "../runtime/messages.ts";
import { deleteStored, listStored } from "../runtime/storage/inventory.ts";
import { measureReadSpeed } from "../runtime/storage/read_speed.ts";
import { Engine } from "./engine.ts";
import { Guest } from "./guest.ts";
import type { EngineOptions } from "./loading.ts";

/** A page redraws no faster than this, and a fast line brings thousands of pieces a second. */
const PROGRESS_EVERY_MS = 50;

type Send = (message: FromEngine) => void;

/** An engine behind messages, as one page sees it: in a worker, or in the thread of whoever sends them. */
export interface Host {
  readonly receive: (message: ToEngine) => void;
  /** Ends what is pending for the page. Without pages the GPU is free. */
  readonly close: () => void;
}

/** What the place decides that it runs in: the GPU, and how files are read, where they are not the browser's own. */
export type HostOptions = Pick<EngineOptions, "gpu" | "fetch">;

type LoadMessage = Extract<ToEngine, { readonly kind: "load" }>;

/** What is asked of the browser's storage, with or without a model. */
type StorageQuestion = Extract<
  ToEngine,
  { readonly kind: "list_stored" | "delete_stored" | "measure_storage" }
>;

/** What gets an answer from a loaded model. */
type Asked = Extract<
  ToEngine,
  { readonly kind: "generate" | "count" | "fork" | "save" | "restore" | "end" }
>;

/** A page that the engine answers, or that waits for it. */
interface Page {
  readonly send: Send;
  guest: Guest | null;
}

interface Load {
  /** What was asked for. */
  readonly key: string;
  readonly pages: Set<Page>;
  readonly end: AbortController;
}

/** An engine for one page. */
export function createHost(send: Send, options: HostOptions = {}): Host {
  return new House(options).open(send);
}

/** One engine for all pages that ask for the same model. */
export class House {
  readonly #options: HostOptions;
  readonly #pages = new Set<Page>();
  #engine: Engine | null = null;
  #loaded = "";
  #loading: Load | null = null;

  constructor(options: HostOptions = {}) {
    this.#options = options;
  }

  /** Lets a page in, which hears what `send` is told. */
  open(send: Send): Host {
    const page: Page = { send, guest: null };
    this.#pages.add(page);
    return {
      receive: (message) => {
        const id = "id" in message ? message.id : null;
        this.#hear(page, message).catch((error: unknown) => fail(page, id, error));
      },
      close: () => this.#close(page),
    };
  }

  async #hear(page: Page, message: ToEngine): Promise<void> {
    const { send, guest } = page;
    switch (message.kind) {
      case "load":
        return await this.#load(page, message);
      case "cancel_load":
        return this.#cancel(page);
      case "list_stored":
      case "delete_stored":
      case "measure_storage":
        return await aboutStorage(message).then(send, (error: unknown) =>
          send({ kind: "storage_failed", failure: failureOf(error) }),
        );
      case "stop":
        return guest?.stop(message.id);
      default:
        if (!guest) throw bad("No model is loaded; load one first.");
        return await ask(guest, message);
    }
  }

  async #load(page: Page, message: LoadMessage): Promise<void> {
    const key = JSON.stringify(message);
    const loading = this.#loading;
    if (loading && !loading.end.signal.aborted) {
      if (loading.key !== key || loading.pages.has(page)) {
        throw bad("A model is still loading; wait for it.");
      }
      loading.pages.add(page);
      return;
    }
    const others = [...this.#pages].some(({ guest }) => guest && guest !== page.guest);
    // A page that has the model to itself and loads it again wants it anew: there may be another version.
    const anew = page.guest && !others;
    if (this.#engine && this.#loaded === key && !anew) return enter(page, this.#engine);
    if (others) throw bad("Other pages use another model here.");
    this.#closeEngine();
    this.#loading = { key, pages: new Set([page]), end: new AbortController() };
    await this.#run(this.#loading, message);
  }

  /** Loads, and tells all pages that wait for it. */
  async #run(load: Load, message: LoadMessage): Promise<void> {
    const { key, pages, end } = load;
    let sent = 0;
    const onProgress = (stage: LoadStage, done: number, total: number): void => {
      const now = performance.now();
      if (done > 0 && done < total && now - sent < PROGRESS_EVERY_MS) return;
      sent = now;
      for (const { send } of pages) send({ kind: "loading", stage, done, total });
    };
    const { bundle, variant, context, kvCache, keep } = message;
    const choice = { variant, context, kvCache, keep, signal: end.signal, onProgress };
    try {
      const engine = await Engine.load(bundle, { ...this.#options, ...choice });
      if (end.signal.aborted) {
        engine.close();
        throw cancelled();
      }
      [this.#engine, this.#loaded] = [engine, key];
      for (const page of pages) enter(page, engine);
    } catch (error) {
      for (const page of pages) fail(page, null, error);
    } finally {
      if (this.#loading === load) this.#loading = null;
    }
  }

  /** The load itself ends with the last page that waits for it. */
  #cancel(page: Page): void {
    const load = this.#loading;
    if (!load?.pages.has(page)) return;
    if (load.pages.size === 1) load.end.abort();
    else {
      load.pages.delete(page);
      fail(page, null, cancelled());
    }
  }

  #close(page: Page): void {
    this.#pages.delete(page);
    this.#loading?.pages.delete(page);
    if (this.#loading?.pages.size === 0) this.#loading.end.abort();
    page.guest?.leave().catch(() => {}); // what it had is gone with the GPU, where that is lost
    if (this.#pages.size === 0) this.#closeEngine();
  }

  #closeEngine(): void {
    this.#engine?.close();
    this.#engine = null;
  }
}

function enter(page: Page, engine: Engine): void {
  page.guest?.leave().catch(() => {}); // what it had is gone with another engine
  page.guest = new Guest(engine, page.send);
  page.send({ kind: "ready", model: engine.summary });
}

async function ask(guest: Guest, message: Asked): Promise<void> {
  switch (message.kind) {
    case "generate":
      return await guest.generate(message);
    case "count":
      return await guest.count(message);
    case "fork":
      return await guest.fork(message);
    case "save":
      return await guest.save(message);
    case "restore":
      return await guest.restore(message);
    case "end":
      return await guest.end(message);
  }
}

function fail({ send }: Page, id: number | null, error: unknown): void {
  send({ kind: "failed", id, failure: failureOf(error) });
}

function cancelled(): WindowseatError {
  return new WindowseatError("cancelled", "Loading the model was cancelled; load it again.");
}

function bad(message: string): WindowseatError {
  return new WindowseatError("bad_request", message);
}

async function aboutStorage(question: StorageQuestion): Promise<FromEngine> {
  if (question.kind === "measure_storage") {
    return { kind: "storage_speed", ...(await measureReadSpeed(question.address)) };
  }
  if (question.kind === "delete_stored") await deleteStored(question.address);
  return { kind: "stored", ...(await listStored()) };
}
