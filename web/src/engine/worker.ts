import { failureOf, WindowseatError } from "../runtime/failure.ts";
import type { FromEngine, LoadStage, ToEngine } from "../runtime/messages.ts";
import { deleteStored, listStored } from "../runtime/storage/inventory.ts";
import { measureReadSpeed } from "../runtime/storage/read_speed.ts";
import { Engine } from "./engine.ts";

/** A page redraws no faster than this, and a fast line brings thousands of pieces a second. */
const PROGRESS_EVERY_MS = 50;

let engine: Engine | null = null;
/** Ends the load that is under way, if one is. */
let loading: AbortController | null = null;

function send(message: FromEngine): void {
  self.postMessage(message);
}

function fail(id: number | null, error: unknown): void {
  send({ kind: "failed", id, failure: failureOf(error) });
}

async function load(message: ToEngine & { readonly kind: "load" }): Promise<void> {
  if (loading) throw new WindowseatError("bad_request", "A model is still loading; wait for it.");
  loading = new AbortController();
  try {
    engine?.close();
    engine = null;
    let sent = 0;
    const onProgress = (stage: LoadStage, done: number, total: number): void => {
      const now = performance.now();
      if (done > 0 && done < total && now - sent < PROGRESS_EVERY_MS) return;
      sent = now;
      send({ kind: "loading", stage, done, total });
    };
    const { bundle, variant, context, kvCache, keep } = message;
    const { signal } = loading;
    engine = await Engine.load(bundle, { variant, context, kvCache, keep, signal, onProgress });
    send({ kind: "ready", model: engine.summary });
  } finally {
    loading = null;
  }
}

async function tellStored(): Promise<void> {
  send({ kind: "stored", ...(await listStored()) });
}

function generate(message: ToEngine & { readonly kind: "generate" }): void {
  if (engine) void engine.generate(message, send);
  else fail(message.id, new WindowseatError("bad_request", "No model is loaded; load one first."));
}

self.onmessage = ({ data: message }: MessageEvent<ToEngine>) => {
  switch (message.kind) {
    case "load":
      load(message).catch((error: unknown) => fail(null, error));
      break;
    case "cancel_load":
      loading?.abort();
      break;
    case "list_stored":
      tellStored().catch((error: unknown) => fail(null, error));
      break;
    case "delete_stored":
      deleteStored(message.address)
        .then(tellStored)
        .catch((error: unknown) => fail(null, error));
      break;
    case "measure_storage":
      measureReadSpeed(message.address)
        .then((speed) => send({ kind: "storage_speed", ...speed }))
        .catch((error: unknown) => fail(null, error));
      break;
    case "generate":
      generate(message);
      break;
    case "stop":
      engine?.stop(message.id);
      break;
  }
};
