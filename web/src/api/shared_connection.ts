import type { FromTab, ToTab } from "../engine/tabs.ts";
import { type Failure, type FromEngine, type ToEngine, transferred } from "../runtime/messages.ts";
import type { Connect, Connection } from "./connection.ts";

const GONE: Failure = {
  code: "internal",
  message:
    "The worker that the tabs shared has ended, and its model with it; load the model again.",
};

/**
 * An engine in a worker that all tabs of the origin share which ask for the same `name`; where there are no such workers, or
 * no WebGPU in them, one of the page's `own`.
 *
 * The tab holds a lock for as long as it lives: when the worker gets that, the tab is gone, however it went. The worker holds
 * one in the same way for its tabs.
 */
export function connectShared(
  script: URL | string | undefined,
  name: string,
  own: Connect,
): Connect {
  const { locks } = globalThis.navigator;
  if (typeof SharedWorker === "undefined" || !locks) return own;
  return (listen) => {
    const worker = start(script, name);
    const { port } = worker;
    const early: ToEngine[] = [];
    let connection: Connection | null = null;
    let closed = false;
    const left = new AbortController();
    let release = (): void => {};
    const settle = (found: Connection): void => {
      if (connection) return;
      connection = found;
      if (closed) found.close();
      else for (const message of early) found.send(message);
    };
    const close = (): void => {
      release();
      left.abort();
      port.close();
    };
    const fallBack = (): void => {
      if (connection) return;
      close();
      if (!closed) settle(own(listen));
    };
    port.onmessage = ({ data }: MessageEvent<ToTab>) => {
      if (data.kind !== "welcome") return listen(data);
      if (!data.able) return fallBack();
      settle({ send: (message) => send(port, message), close });
      watchWorker(data.lock, left.signal, listen);
    };
    worker.onerror = fallBack;
    const lock = `windowseat/tab/${crypto.randomUUID()}`;
    locks.request(lock, async () => {
      if (closed) return;
      send(port, { kind: "hello", lock });
      await new Promise<void>((resolve) => {
        release = resolve;
      });
    });
    return {
      send: (message) => (connection ? connection.send(message) : early.push(message)),
      close: () => {
        closed = true;
        (connection ?? { close }).close();
      },
    };
  };
}

/** Bundlers know this pattern, all in one expression, and bring the script along as a worker with what it imports. */
function start(script: URL | string | undefined, name: string): SharedWorker {
  return script === undefined
    ? new SharedWorker(new URL("./worker.js", import.meta.url), { type: "module", name })
    : new SharedWorker(script, { type: "module", name });
}

/** Has `listen` hear of it when the worker is gone, unless the tab leaves before. */
function watchWorker(lock: string, left: AbortSignal, listen: (message: FromEngine) => void): void {
  const tell = (): void => listen({ kind: "failed", id: null, failure: GONE });
  navigator.locks.request(lock, { signal: left }, tell).catch(() => {}); // the tab has left
}

function send(port: MessagePort, message: FromTab): void {
  port.postMessage(message, transferred(message));
}
