import type { ClaimRequest, FromPage, PageRequest, ToPage } from "./service_worker_messages.ts";

/**
 * The script of a service worker that has `fetch("/v1/…")` answered by the engine of the page that asks. Where the page has
 * none, the request goes to the network as ever.
 */

/** A page that is there answers at once. */
const PATIENCE_MS = 1000;

declare const self: ServiceWorkerGlobalScope;

self.addEventListener("install", (event) => event.waitUntil(self.skipWaiting()));
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("message", (event) => {
  if (isClaim(event.data)) void self.clients.claim();
});
self.addEventListener("fetch", (event) => {
  const { origin, pathname } = new URL(event.request.url);
  if (origin !== self.location.origin || !pathname.startsWith("/v1/")) return;
  event.respondWith(answer(event.request, event.clientId));
});

function isClaim(value: unknown): value is ClaimRequest {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    value.kind === "windowseat_claim"
  );
}

async function answer(request: Request, clientId: string): Promise<Response> {
  const client = await self.clients.get(clientId);
  if (!client) return await fetch(request);
  const { port1: port, port2 } = new MessageChannel();
  const message: PageRequest = {
    kind: "windowseat_fetch",
    url: request.url,
    method: request.method,
    headers: [...request.headers],
    body: request.method === "GET" ? null : await request.clone().arrayBuffer(),
  };
  client.postMessage(message, [port2]);
  return (await hear(port, request.signal)) ?? (await fetch(request));
}

/** The page's response, once it has begun; null where no engine says that it will answer. */
function hear(port: MessagePort, signal: AbortSignal): Promise<Response | null> {
  const cancel = (): void => port.postMessage({ kind: "cancel" } satisfies ToPage);
  signal.addEventListener("abort", cancel);
  return new Promise((resolve, reject) => {
    // A page that was only busy must not answer what the network was asked for.
    const patience = setTimeout(() => {
      cancel();
      resolve(null);
    }, PATIENCE_MS);
    let body: ReadableStreamDefaultController<Uint8Array> | undefined;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        body = controller;
      },
      cancel: () => {
        body = undefined;
        cancel();
      },
    });
    port.onmessage = ({ data }: MessageEvent<FromPage>) => {
      switch (data.kind) {
        case "heard":
          clearTimeout(patience);
          break;
        case "head":
          resolve(
            new Response(stream, {
              status: data.status,
              headers: data.headers.map((header) => [...header]),
            }),
          );
          break;
        case "bytes":
          body?.enqueue(data.bytes);
          break;
        case "end":
          body?.close();
          break;
        case "failed":
          body?.error(new Error(data.message));
          reject(new Error(data.message));
          break;
      }
    };
  });
}
