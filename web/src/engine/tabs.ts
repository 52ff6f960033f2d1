import { type FromEngine, type ToEngine, transferred } from "../runtime/messages.ts";
import type { Host, House } from "./host.ts";

/** What a tab says to a shared worker: first that it is there, with the name of a lock that it holds while it is. */
export type FromTab = ToEngine | { readonly kind: "hello"; readonly lock: string };

/** What it hears: first whether there is a GPU for this worker. */
export type ToTab = FromEngine | { readonly kind: "welcome"; readonly able: boolean };

/** Lets a tab in by its port, and out when it is gone. */
export function serveTab(house: House, port: MessagePort): void {
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
    tell({ kind: "welcome", able });
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
