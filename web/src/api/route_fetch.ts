import { messageOf } from "../runtime/message_of.ts";
import type { WindowseatEngine } from "./engine.ts";
import { ApiError } from "./error.ts";
import type { ClaimRequest, FromPage, PageRequest, ToPage } from "./service_worker_messages.ts";

/**
 * Has every `fetch("/v1/…")` of this page answered by an engine, through a service worker; resolves once it does, with what
 * ends it again. `script` is where the package's service_worker.js is served, in the page's folder or above it. Throws an
 * `ApiError` with the code `no_service_worker` where the browser takes none.
 */
export async function routeFetch(
  engine: Pick<WindowseatEngine, "fetch">,
  script: string | URL = "service_worker.js",
): Promise<() => void> {
  // A page that a server renders imports the package in Node as well.
  if (typeof document === "undefined") throw unusable(script, "there is no page here");
  const address = new URL(script, document.baseURI).href;
  const registration = await register(address);
  const { serviceWorker } = navigator;
  const listen = ({ data, ports: [port] }: MessageEvent): void => {
    if (port && isRequest(data)) void answer(engine, data, port);
  };
  serviceWorker.addEventListener("message", listen);
  serviceWorker.startMessages();
  // Another one may control the page until ours is active; and after a forced reload none does unless it is asked to.
  while (serviceWorker.controller?.scriptURL !== address) {
    const changed = new Promise((resolve) => {
      serviceWorker.addEventListener("controllerchange", resolve, { once: true });
    });
    registration.active?.postMessage({ kind: "windowseat_claim" } satisfies ClaimRequest);
    await changed;
  }
  return () => serviceWorker.removeEventListener("message", listen);
}

async function register(address: string): Promise<ServiceWorkerRegistration> {
  if (!("serviceWorker" in navigator))
    throw unusable(address, "this page is not served by https or localhost");
  const registering = navigator.serviceWorker.register(address);
  const registration = await registering.catch((error: unknown) => {
    throw unusable(address, messageOf(error));
  });
  if (location.href.startsWith(registration.scope)) return registration;
  throw unusable(address, `it works below ${registration.scope}, where this page is not`);
}

function unusable(script: string | URL, why: string): ApiError {
  return new ApiError(
    `The service worker ${script} cannot be used: ${why}; give engine.fetch instead.`,
    { type: "server_error", code: "no_service_worker", status: 500 },
  );
}

function isRequest(value: unknown): value is PageRequest {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    value.kind === "windowseat_fetch"
  );
}

async function answer(
  engine: Pick<WindowseatEngine, "fetch">,
  { url, method, headers, body }: PageRequest,
  port: MessagePort,
): Promise<void> {
  const say = (message: FromPage): void => port.postMessage(message);
  const stop = new AbortController();
  port.onmessage = ({ data }: MessageEvent<ToPage>) => {
    if (data.kind === "cancel") stop.abort();
  };
  say({ kind: "heard" });
  try {
    const given = headers.map(([name, value]): [string, string] => [name, value]);
    const response = await engine.fetch(url, { method, headers: given, body, signal: stop.signal });
    say({ kind: "head", status: response.status, headers: [...response.headers] });
    const reader = response.body?.getReader();
    for (let step = await reader?.read(); step && !step.done; step = await reader?.read()) {
      say({ kind: "bytes", bytes: step.value });
    }
    say({ kind: "end" });
  } catch (error) {
    say({ kind: "failed", message: messageOf(error) });
  } finally {
    port.close();
  }
}
