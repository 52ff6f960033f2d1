import type { FromEngine, StoredBundle, ToEngine } from "../runtime/messages.ts";
import { WidgetError } from "./panel_types.ts";
import type { WorkerSource } from "./sources.ts";

/** A worker that runs the engine, and what this browser keeps for it. */
export interface Started {
  readonly worker: Worker;
  readonly stored: readonly StoredBundle[];
}

/**
 * Starts the engine's worker. Browsers start workers only from the page's own origin, so a script of another one is fetched,
 * held against its hash and started from memory; a page's policy has to allow that: `connect-src` the site, `worker-src blob:`.
 */
export async function startWorker(source: WorkerSource): Promise<Started> {
  if (typeof source === "function") return begun(source());
  const { address, integrity } = source;
  if (new URL(address).origin === location.origin) {
    return begun(new Worker(trusted(address), { type: "module" }));
  }
  const script = URL.createObjectURL(await fetchScript(address, integrity));
  try {
    return await begun(new Worker(trusted(script), { type: "module" }));
  } finally {
    URL.revokeObjectURL(script);
  }
}

async function fetchScript(address: string, integrity: string): Promise<Blob> {
  try {
    const response = await fetch(address, { integrity, credentials: "omit" });
    if (!response.ok) throw new Error(`the answer was ${response.status}`);
    return new Blob([await response.arrayBuffer()], { type: "text/javascript" });
  } catch (error) {
    throw new WidgetError(
      "unavailable",
      `The engine's script could not be fetched from ${address} (${error}); the page's Content-Security-Policy has to allow the site in connect-src, and the site this page by CORS.`,
    );
  }
}

/** Waits for the worker's first answer: a policy that forbids a worker lets it be made, and says so by an event. */
function begun(worker: Worker): Promise<Started> {
  const question: ToEngine = { kind: "list_stored" };
  worker.postMessage(question);
  return new Promise((resolve, reject) => {
    const hear = ({ data }: MessageEvent<FromEngine>): void =>
      resolve({ worker, stored: data.kind === "stored" ? data.bundles : [] });
    worker.addEventListener("message", hear, { once: true });
    const fail = (): void => {
      worker.terminate();
      const message =
        "The engine's worker could not be started; allow blob: in the worker-src of the page's Content-Security-Policy, or give the element the attribute frame.";
      reject(new WidgetError("unavailable", message));
    };
    worker.addEventListener("error", fail, { once: true });
  });
}

interface Policies {
  createPolicy(
    name: string,
    rules: { createScriptURL: (address: string) => string },
  ): { createScriptURL(address: string): string };
}
declare global {
  interface Window {
    readonly trustedTypes?: Policies;
  }
}

let policy: ReturnType<Policies["createPolicy"]> | undefined;

/** The address as pages take it that demand Trusted Types; they have to allow the policy `windowseat`. */
function trusted(address: string): string {
  policy ??= window.trustedTypes?.createPolicy("windowseat", { createScriptURL: (given) => given });
  return policy?.createScriptURL(address) ?? address;
}
