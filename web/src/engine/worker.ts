import { type ToEngine, transferred } from "../runtime/messages.ts";
import { createHost } from "./host.ts";

const host = createHost((message) => self.postMessage(message, { transfer: transferred(message) }));

self.onmessage = ({ data: message }: MessageEvent<ToEngine>) => host.receive(message);
