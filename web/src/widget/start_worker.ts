import type { FromEngine, StoredBundle, ToEngine } from "../runtime/messages.ts";
import { underPolicy } from "./page_policy.ts";
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
 * On the site's own pages it has to allow `worker-src 'self'` instead.
 */
export async function startWorker(source: WorkerSource): Promise<Started> {
  if (typeof source === "function") return begun(source());
  const { address, integrity } = source;
  if (new URL(address).origin === location.origin) return startAt(address);
  const fetched = await underPolicy(address, () => fetchScript(address, integrity));
  const script = URL.createObjectURL(fetched);
  try {
    return await startAt(script);
  } finally {
    URL.revokeObjectURL(script);
  }
}

function startAt(address: string): Promise<Started> {
  return underPolicy(address, () => begun(new Worker(trusted(address), { type: "module" })));
}

async function fetchScript(address: string, integrity: string): Promise<Blob> {
  try {
    const response = await fetch(address, { integrity, credentials: "omit" });
    if (!response.ok) throw new Error(`the answer was ${response.status}`);
    return new Blob([await response.arrayBuffer()], { type: "text/javascript" });
  } catch (error) {
    throw new WidgetError(
      "unavailable",
      `The engine's script could not be fetched from ${address} (${error}); check the connection, and that the site allows this page by CORS.`,
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
        "The engine's worker could not be started; the browser's console says why, and the attribute frame needs none in the page.";
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
