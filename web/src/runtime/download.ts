import { mib, WindowseatError } from "./failure.ts";
import type { BundleFile } from "./format.ts";
import { messageOf } from "./message_of.ts";
import { sha256 } from "./sha256.ts";

/** The part of `fetch` that loading needs, so that Node can read a folder instead. */
export type Fetch = (
  url: string,
  init: {
    readonly signal?: AbortSignal;
    readonly cache?: RequestCache;
    readonly headers?: Readonly<Record<string, string>>;
  },
) => Promise<Response>;

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes just received; negative when bytes are taken back. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Runs a step that has the file in memory a second time. */
  readonly copying?: (<T>(step: () => Promise<T>) => Promise<T>) | undefined;
  /** How the first try asks; a file that came wrong is asked for past all caches. */
  readonly cache?: RequestCache | undefined;
}

/** Waits before the second and the third try of a request that the network failed. */
const RETRY_AFTER_MS = [250, 1000];

/** What another try may mend; everything else is thrown at once. */
class TryAgain extends Error {
  readonly failure: WindowseatError;
  /** The bytes came, but wrong: the HTTP cache may hold a file from before the bundle was rebuilt. */
  readonly stale: boolean;

  constructor(failure: WindowseatError, stale: boolean) {
    super(failure.message);
    this.failure = failure;
    this.stale = stale;
  }
}

/** The text at an address, asked for past what caches think is fresh, in so many tries. */
export async function fetchText(
  get: Fetch,
  url: string,
  signal: AbortSignal | undefined,
  tries: number,
): Promise<string> {
  const attempt = async (): Promise<string> => {
    const response = await request(get, url, signal, "no-cache", 0);
    return await received(url, () => response.text());
  };
  return await withRetries(signal, RETRY_AFTER_MS.slice(0, tries - 1), () => 0, attempt);
}

/**
 * Fetches a file into memory of its length and checks its SHA-256.
 *
 * A connection that breaks in the middle is taken up where it broke, if the server can do that. Whether the file
 * changed there in between is left to the SHA-256: `If-Range` would cost a site on another host a second request.
 */
export async function download(
  get: Fetch,
  url: string,
  file: BundleFile,
  target: Uint8Array<ArrayBuffer>,
  options: DownloadOptions,
): Promise<void> {
  const { signal, onBytes = () => {}, copying = (step) => step(), cache = "default" } = options;
  let have = 0;
  const startAgain = (): void => {
    onBytes(-have);
    have = 0;
  };
  const fetchRest = async (stale: boolean): Promise<void> => {
    const response = await request(get, url, signal, stale ? "reload" : cache, have);
    if (have > 0 && !continuesAt(response, have)) startAgain();
    await readBody(response, url, signal, (chunk) => {
      if (have + chunk.byteLength > file.bytes) {
        throw damaged(`${url} is damaged: it is longer than its ${file.bytes} bytes`);
      }
      target.set(chunk, have);
      have += chunk.byteLength;
      onBytes(chunk.byteLength);
    });
  };
  const attempt = async (stale: boolean): Promise<void> => {
    try {
      if (have < file.bytes) await fetchRest(stale);
      if (have < file.bytes) {
        throw damaged(
          `${url} is truncated: ${have} of ${file.bytes} bytes (${mib(file.bytes)}) came`,
        );
      }
      await checkHash(target, url, file, copying);
    } catch (error) {
      if (error instanceof TryAgain && error.stale) startAgain();
      throw error;
    }
  };
  await withRetries(signal, RETRY_AFTER_MS, () => have, attempt);
}

/** Tries until the waits are used up; a try that got further than all before it starts the count again. */
async function withRetries<T>(
  signal: AbortSignal | undefined,
  waits: readonly number[],
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
      const wait = waits[tries];
      // A file that is wrong even past the cache is wrong on the server.
      if (wait === undefined || (error.stale && stale)) throw error.failure;
      stale ||= error.stale;
      if (!error.stale) await new Promise((resolve) => setTimeout(resolve, wait));
      signal?.throwIfAborted();
    }
  }
}

async function request(
  get: Fetch,
  url: string,
  signal: AbortSignal | undefined,
  cache: RequestCache,
  from: number,
): Promise<Response> {
  const headers = from > 0 ? { range: `bytes=${from}-` } : undefined;
  const init = { cache, ...(signal && { signal }), ...(headers && { headers }) };
  const response = await received(url, () => get(url, init));
  if (response.ok) return response;
  const answer = `the server answered ${response.status}`;
  if (response.status === 416) throw damaged(`${url} is damaged: it ends before byte ${from}`);
  if (response.status >= 500 || response.status === 429) throw unreachable(url, answer);
  throw new WindowseatError(
    "missing_file",
    `${url} is missing: ${answer}; copy the whole folder of the bundle there.`,
  );
}

/** Whether the answer to a request for the rest of a file is that rest. */
function continuesAt(response: Response, from: number): boolean {
  // Another host has to allow that this header is seen; without it, 206 has to do.
  const range = response.headers.get("content-range") ?? `bytes ${from}-`;
  return response.status === 206 && range.startsWith(`bytes ${from}-`);
}

async function readBody(
  response: Response,
  url: string,
  signal: AbortSignal | undefined,
  onChunk: (chunk: Uint8Array<ArrayBuffer>) => void,
): Promise<void> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await received(url, () => reader.read());
      if (done) return;
      signal?.throwIfAborted();
      onChunk(value);
    }
  } finally {
    // Lets go of a connection that is not read to its end; for others it does nothing.
    reader.cancel().catch(() => {});
  }
}

/** Runs a step of a request; what the network throws becomes a failure worth another try. */
async function received<T>(url: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw unreachable(url, messageOf(error), error);
  }
}

async function checkHash(
  bytes: Uint8Array<ArrayBuffer>,
  url: string,
  file: BundleFile,
  copying: <T>(step: () => Promise<T>) => Promise<T>,
): Promise<void> {
  const have = await copying(() => sha256(bytes));
  if (have !== file.sha256) {
    throw damaged(
      `${url} is damaged: its SHA-256 starts ${have.slice(0, 12)}, not ${file.sha256.slice(0, 12)}`,
    );
  }
}

function unreachable(url: string, why: string, cause?: unknown): TryAgain {
  const sentence = `${url} could not be fetched in three tries (${why}); check the connection and reload.`;
  return new TryAgain(new WindowseatError("network", sentence, { cause }), false);
}

function damaged(sentence: string): TryAgain {
  const advice = "copy the file to the server again or build the bundle again";
  return new TryAgain(new WindowseatError("damaged_file", `${sentence}; ${advice}.`), true);
}
