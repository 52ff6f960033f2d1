import { failureOf, WindowseatError } from "../runtime/failure.ts";
import type { FromEngine, LoadStage, ToEngine } from "../runtime/messages.ts";
import { deleteStored, listStored } from "../runtime/storage/inventory.ts";
import { measureReadSpeed } from "../runtime/storage/read_speed.ts";
import { Engine } from "./engine.ts";
import type { EngineOptions } from "./loading.ts";

/** A page redraws no faster than this, and a fast line brings thousands of pieces a second. */
const PROGRESS_EVERY_MS = 50;

/** An engine behind messages: in a worker, or in the thread of whoever sends them. */
export interface Host {
  readonly receive: (message: ToEngine) => void;
  /** Frees the GPU; what is pending ends. */
  readonly close: () => void;
}

/** What the place decides that it runs in: the GPU, and how files are read, where they are not the browser's own. */
export type HostOptions = Pick<EngineOptions, "gpu" | "fetch">;

export function createHost(send: (message: FromEngine) => void, options: HostOptions = {}): Host {
  let engine: Engine | null = null;
  /** Ends the load that is under way, if one is. */
  let loading: AbortController | null = null;

  const fail = (id: number | null, error: unknown): void =>
    send({ kind: "failed", id, failure: failureOf(error) });
  const telling = (step: Promise<void>): void => {
    step.catch((error: unknown) => fail(null, error));
  };
  const close = (): void => {
    loading?.abort();
    engine?.close();
    engine = null;
  };
  const load = async (message: ToEngine & { readonly kind: "load" }): Promise<void> => {
    if (loading) throw new WindowseatError("bad_request", "A model is still loading; wait for it.");
    close();
    loading = new AbortController();
    try {
      let sent = 0;
      const onProgress = (stage: LoadStage, done: number, total: number): void => {
        const now = performance.now();
        if (done > 0 && done < total && now - sent < PROGRESS_EVERY_MS) return;
        sent = now;
        send({ kind: "loading", stage, done, total });
      };
      const { bundle, variant, context, kvCache, keep } = message;
      const { signal } = loading;
      const choice = { variant, context, kvCache, keep, signal, onProgress };
      engine = await Engine.load(bundle, { ...options, ...choice });
      send({ kind: "ready", model: engine.summary });
    } finally {
      loading = null;
    }
  };
  const tellStored = async (): Promise<void> => send({ kind: "stored", ...(await listStored()) });
  const tellSpeed = async (address: string): Promise<void> =>
    send({ kind: "storage_speed", ...(await measureReadSpeed(address)) });

  const noModel = (): WindowseatError =>
    new WindowseatError("bad_request", "No model is loaded; load one first.");
  const generate = (message: ToEngine & { readonly kind: "generate" }): void => {
    if (engine) void engine.generate(message, send);
    else fail(message.id, noModel());
  };
  const count = (message: ToEngine & { readonly kind: "count" }): void => {
    const { id } = message;
    try {
      if (!engine) throw noModel();
      send({ kind: "counted", id, tokens: engine.count(message) });
    } catch (error) {
      fail(id, error);
    }
  };
  const receive = (message: ToEngine): void => {
    switch (message.kind) {
      case "load":
        telling(load(message));
        break;
      case "cancel_load":
        loading?.abort();
        break;
      case "list_stored":
        telling(tellStored());
        break;
      case "delete_stored":
        telling(deleteStored(message.address).then(tellStored));
        break;
      case "measure_storage":
        telling(tellSpeed(message.address));
        break;
      case "generate":
        generate(message);
        break;
      case "count":
        count(message);
        break;
      case "stop":
        engine?.stop(message.id);
        break;
    }
  };
  return { receive, close };
}
