// What service_worker.ts uses of TypeScript's WebWorker library, which clashes with the one for pages.
interface FetchEvent extends Event {
  readonly clientId: string;
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

interface ActivateEvent extends Event {
  waitUntil(until: Promise<unknown>): void;
}

interface ServiceWorkerGlobalScope {
  readonly location: Location;
  readonly clients: {
    claim(): Promise<void>;
    get(
      id: string,
    ): Promise<{ postMessage(message: unknown, transfer: MessagePort[]): void } | undefined>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listen: (event: ActivateEvent) => void): void;
  addEventListener(type: "fetch", listen: (event: FetchEvent) => void): void;
}
