import type { FromEngine, GenerateRequest, ToEngine } from "../runtime/messages.ts";
import { ENGINE_SCRIPT } from "../site/engine_script.ts";

/** The engine's worker, seen from the page. */
export class Engine {
  readonly #worker: Worker;

  constructor(listen: (message: FromEngine) => void) {
    this.#worker = new Worker(ENGINE_SCRIPT, { type: "module" });
    this.#worker.addEventListener("message", (event: MessageEvent<FromEngine>) =>
      listen(event.data),
    );
    // A worker whose script cannot be fetched reports no message at all.
    this.#worker.addEventListener("error", (event) => {
      const message =
        event.message || `The engine could not be started from ${ENGINE_SCRIPT.href}.`;
      listen({ kind: "failed", id: null, failure: { code: "internal", message } });
    });
  }

  load(bundle: string): void {
    this.#send({ kind: "load", bundle: new URL(bundle, document.baseURI).href });
  }

  generate(request: GenerateRequest): void {
    this.#send({ kind: "generate", ...request });
  }

  stop(id: number): void {
    this.#send({ kind: "stop", id });
  }

  close(): void {
    this.#worker.terminate();
  }

  #send(message: ToEngine): void {
    this.#worker.postMessage(message);
  }
}
