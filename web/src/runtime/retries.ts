import type { WindowseatError } from "./failure.ts";

/** How long a request is waited for, in milliseconds. */
export interface Patience {
  /** Before the second try of what the network failed, before the third, and so on. */
  readonly pauses: readonly number[];
  /** For as long a pause lasts at most where the browser says that it is offline. */
  readonly offline: number;
  /** Without a byte; then the connection is taken to be dead. */
  readonly idle: number;
}

/** What another try may mend; everything else is thrown at once. */
export class TryAgain extends Error {
  readonly failure: WindowseatError;
  /** The bytes came, but wrong: the HTTP cache may hold a file from before the bundle was rebuilt. */
  readonly stale: boolean;

  constructor(failure: WindowseatError, stale: boolean) {
    super(failure.message);
    this.failure = failure;
    this.stale = stale;
  }
}

/** Tries until the pauses are used up; a try that got further than all before it starts the count again. */
export async function withRetries<T>(
  signal: AbortSignal | undefined,
  { pauses, offline }: Pick<Patience, "pauses" | "offline">,
  reached: () => number,
  attempt: (stale: boolean) => Promise<T>,
): Promise<T> {
  let stale = false;
  let furthest = 0;
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt(stale);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof TryAgain)) throw error;
      if (reached() > furthest) tries = 0;
      furthest = Math.max(furthest, reached());
      const wait = pauses[tries];
      // A file that is wrong even past the cache is wrong on the server.
      if (wait === undefined || (error.stale && stale)) throw error.failure;
      stale ||= error.stale;
      const isOffline = globalThis.navigator?.onLine === false;
      if (!error.stale) await pause(isOffline ? Math.max(wait, offline) : wait, signal);
      signal?.throwIfAborted();
    }
  }
}

/** Waits; the news that the browser is online again ends it early, and so does an abort. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const over = new AbortController();
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    signal?.addEventListener("abort", end, { signal: over.signal });
    globalThis.addEventListener?.("online", end, { signal: over.signal }); // Node has no such news
  });
  over.abort();
}
