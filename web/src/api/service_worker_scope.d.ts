// What the service workers use of TypeScript's WebWorker library, which clashes with the one for pages.
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
  readonly registration: ServiceWorkerRegistration;
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: {
      type: "window";
    }): Promise<{ readonly url: string; navigate(url: string): Promise<unknown> }[]>;
    get(
      id: string,
    ): Promise<{ postMessage(message: unknown, transfer: MessagePort[]): void } | undefined>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listen: (event: ActivateEvent) => void): void;
  addEventListener(type: "fetch", listen: (event: FetchEvent) => void): void;
  addEventListener(type: "message", listen: (event: MessageEvent<unknown>) => void): void;
}
