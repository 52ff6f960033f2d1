import { type FromEngine, type ToEngine, transferred } from "../runtime/messages.ts";

/** An engine, wherever it runs. */
export interface Connection {
  readonly send: (message: ToEngine) => void;
  readonly close: () => void;
}

/** Starts an engine, of which `listen` hears everything. */
export type Connect = (listen: (message: FromEngine) => void) => Connection;

/** An engine in a worker of its own: from the package's script, another address of it, or a worker that runs it. */
export function connectWorker(source: URL | string | Worker | undefined): Connect {
  return (listen) => {
    const worker = source instanceof Worker ? source : start(source);
    worker.onmessage = ({ data }: MessageEvent<FromEngine>) => listen(data);
    // A worker whose script cannot be fetched reports no message at all.
    worker.onerror = (event) => {
      const message =
        event.message ||
        `The engine's worker could not be started${source instanceof Worker ? "" : ` from ${source ?? "the package's worker.js"}`}; serve its script from the page's own origin.`;
      listen({ kind: "failed", id: null, failure: { code: "internal", message } });
    };
    return {
      send: (message) => worker.postMessage(message, transferred(message)),
      close: () => worker.terminate(),
    };
  };
}

/** Bundlers know this pattern, and bring the worker's script along. */
function start(source: URL | string | undefined): Worker {
  return source === undefined
    ? new Worker(new URL("./worker.js", import.meta.url), { type: "module" })
    : new Worker(source, { type: "module" });
}
