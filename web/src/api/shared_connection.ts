import type { FromTab, ToTab } from "../engine/tabs.ts";
import { type ToEngine, transferred } from "../runtime/messages.ts";
import type { Connect, Connection } from "./connection.ts";

/**
 * An engine in a worker that all tabs of the origin share which ask for the same `name`; where there are no such workers, or
 * no WebGPU in them, one of the page's `own`.
 *
 * The tab holds a lock for as long as it lives: when the worker gets that, the tab is gone, however it went.
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
    let release = (): void => {};
    const settle = (found: Connection): void => {
      if (connection) return;
      connection = found;
      if (closed) found.close();
      else for (const message of early) found.send(message);
    };
    const close = (): void => {
      release();
      port.close();
    };
    const fallBack = (): void => {
      if (connection) return;
      close();
      if (!closed) settle(own(listen));
    };
    port.onmessage = ({ data }: MessageEvent<ToTab>) => {
      if (data.kind !== "welcome") listen(data);
      else if (data.able) settle({ send: (message) => send(port, message), close });
      else fallBack();
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

function send(port: MessagePort, message: FromTab): void {
  port.postMessage(message, transferred(message));
}
