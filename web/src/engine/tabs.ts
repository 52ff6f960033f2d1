import { type FromEngine, type ToEngine, transferred } from "../runtime/messages.ts";
import type { Host, House } from "./host.ts";

/** What a tab says to a shared worker: first that it is there, with the name of a lock that it holds while it is. */
export type FromTab = ToEngine | { readonly kind: "hello"; readonly lock: string };

/** What it hears: first whether there is a GPU for this worker, and the lock that the worker holds for as long as it lives. */
export type ToTab = FromEngine | Welcome;
interface Welcome {
  readonly kind: "welcome";
  readonly able: boolean;
  readonly lock: string;
}

/** Takes a lock for as long as this worker lives, and gives its name once it is held. */
export function holdLifeLock(): Promise<string> {
  const name = `windowseat/worker/${crypto.randomUUID()}`;
  return new Promise((resolve) => {
    navigator.locks.request(name, () => {
      resolve(name);
      return new Promise(() => {});
    });
  });
}

/** Lets a tab in by its port, and out when it is gone; `life` is the worker's own lock. */
export function serveTab(house: House, port: MessagePort, life: Promise<string>): void {
  let host: Host | null = null;
  const tell = (message: ToTab): void => port.postMessage(message, transferred(message));
  const begin = async (lock: string): Promise<void> => {
    const able = await hasAdapter();
    if (able) {
      const tab = house.open(tell);
      host = tab;
      // Nobody waits for it: it is granted when the tab is closed, or breaks down.
      navigator.locks.request(lock, async () => tab.close());
    }
    tell({ kind: "welcome", able, lock: await life });
  };
  port.onmessage = ({ data }: MessageEvent<FromTab>) => {
    if (data.kind === "hello") void begin(data.lock);
    else host?.receive(data);
  };
}

async function hasAdapter(): Promise<boolean> {
  try {
    return (await navigator.gpu?.requestAdapter()) != null;
  } catch {
    return false;
  }
}
