import { type ToEngine, transferred } from "../runtime/messages.ts";
import { createHost, House } from "./host.ts";
import { holdLifeLock, serveTab } from "./tabs.ts";

/** One script for the worker of a page, and for one that all tabs of an origin share. */
if ("onconnect" in self) {
  const house = new House();
  const life = holdLifeLock();
  self.addEventListener("connect", (event) => {
    if (!(event instanceof MessageEvent)) return;
    for (const port of event.ports) serveTab(house, port, life);
  });
} else {
  const host = createHost((message) =>
    self.postMessage(message, { transfer: transferred(message) }),
  );
  self.onmessage = ({ data: message }: MessageEvent<ToEngine>) => host.receive(message);
}
