import type { FromEngine, GenerateRequest, StoredBundle, ToEngine } from "../runtime/messages.ts";
import { ENGINE_SCRIPT } from "../site/engine_script.ts";

/** What the browser keeps of models. */
export interface Stored {
  readonly bundles: readonly StoredBundle[];
  readonly bytes: number;
}

/** The engine's worker, seen from the page. */
export class Engine {
  readonly #worker: Worker;
  readonly #waiting: ((heard: Stored | Error) => void)[] = [];

  constructor(listen: (message: FromEngine) => void) {
    this.#worker = new Worker(ENGINE_SCRIPT, { type: "module" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FromEngine>) => {
      if (data.kind === "stored") this.#tell(data);
      else if (data.kind === "storage_failed") this.#tell(new Error(data.failure.message));
      else listen(data);
    });
    // A worker whose script cannot be fetched reports no message at all.
    this.#worker.addEventListener("error", (event) => {
      const message =
        event.message || `The engine could not be started from ${ENGINE_SCRIPT.href}.`;
      listen({ kind: "failed", id: null, failure: { code: "internal", message } });
    });
  }

  load(bundle: string): void {
    this.#send({ kind: "load", bundle });
  }

  /** What this browser keeps of models; throws where the browser does not say. */
  stored(): Promise<Stored> {
    return this.#ask({ kind: "list_stored" });
  }

  /** Deletes what is kept of the bundle at an address, or of all; tells what is left. */
  deleteStored(address: string | null): Promise<Stored> {
    return this.#ask({ kind: "delete_stored", address });
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

  #ask(message: ToEngine): Promise<Stored> {
    return new Promise((resolve, reject) => {
      this.#waiting.push((heard) => (heard instanceof Error ? reject(heard) : resolve(heard)));
      this.#send(message);
    });
  }

  #tell(heard: Stored | Error): void {
    this.#waiting.shift()?.(heard);
  }

  #send(message: ToEngine): void {
    this.#worker.postMessage(message);
  }
}
