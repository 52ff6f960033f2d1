import type { WindowseatEngine } from "./engine.ts";
import type { FromPage, PageRequest, ToPage } from "./service_worker_messages.ts";

/**
 * Has every `fetch("/v1/…")` of this page answered by an engine, through a service worker; resolves once it does, with what
 * ends it again. `script` is where the package's service_worker.js is served, in the page's folder or above it.
 */
export async function routeFetch(
  engine: Pick<WindowseatEngine, "fetch">,
  script: string | URL = "service_worker.js",
): Promise<() => void> {
  const { serviceWorker } = navigator;
  const listen = ({ data, ports: [port] }: MessageEvent): void => {
    if (port && isRequest(data)) void answer(engine, data, port);
  };
  serviceWorker.addEventListener("message", listen);
  serviceWorker.startMessages();
  await serviceWorker.register(script);
  if (!serviceWorker.controller) {
    await new Promise<void>((resolve) => {
      serviceWorker.addEventListener("controllerchange", () => resolve(), { once: true });
    });
  }
  return () => serviceWorker.removeEventListener("message", listen);
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
    say({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  } finally {
    port.close();
  }
}
