import { mib } from "./failure.ts";
import type { BundleFile } from "./format.ts";
import { damaged, type Fetch, receive, unreachable } from "./receive.ts";
import { type Patience, TryAgain, withRetries } from "./retries.ts";
import { sha256 } from "./sha256.ts";

/**
 * What a download of gigabytes takes: another Wi-Fi is there within half a minute, and a laptop is opened again.
 *
 * A browser has six connections to a host without HTTP/2, so a request may be silent for a while because it queues.
 */
const PATIENCE: Patience = {
  pauses: [250, 1000, 4000, 10_000, 20_000],
  offline: 60_000,
  idle: 60_000,
};

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with the bytes just received; negative when bytes are taken back. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
  /** Runs a step that has the file in memory a second time. */
  readonly copying?: (<T>(step: () => Promise<T>) => Promise<T>) | undefined;
  /** How the first try asks; a file that came wrong is asked for past all caches. */
  readonly cache?: RequestCache | undefined;
  /** Other times than the usual ones, for tests. */
  readonly patience?: Patience | undefined;
}

/** The text at an address, asked for past what caches think is fresh, in so many quick tries. */
export async function fetchText(
  get: Fetch,
  url: string,
  signal: AbortSignal | undefined,
  tries: number,
): Promise<string> {
  const { pauses, idle } = PATIENCE;
  const attempt = async (): Promise<string> => {
    const decoder = new TextDecoder();
    let text = "";
    const take = (chunk: Uint8Array<ArrayBuffer>): void => {
      text += decoder.decode(chunk, { stream: true });
    };
    await receive(get, url, { signal, cache: "no-cache", from: 0, idle }, () => {}, take);
    return text + decoder.decode();
  };
  const quick = { pauses: pauses.slice(0, tries - 1), offline: 0 };
  return await withRetries(signal, quick, () => 0, attempt);
}

/**
 * Fetches a file into memory of its length and checks its SHA-256.
 *
 * A connection that breaks or falls silent in the middle is taken up where it broke, if the server can do that. Whether
 * the file changed there in between is left to the SHA-256: `If-Range` would cost a site on another host a second request.
 */
export async function download(
  get: Fetch,
  url: string,
  file: BundleFile,
  target: Uint8Array<ArrayBuffer>,
  options: DownloadOptions,
): Promise<void> {
  const { signal, onBytes = () => {}, copying = (step) => step() } = options;
  const { cache = "default", patience = PATIENCE } = options;
  let have = 0;
  let endedAt = 0;
  let asksForWhole = false;
  const startAgain = (): void => {
    onBytes(-have);
    have = 0;
  };
  const fetchRest = async (stale: boolean): Promise<void> => {
    // A rest that does not come may be refused on the way (a preflight, a proxy): the next request is for the whole.
    const from = asksForWhole ? 0 : have;
    asksForWhole = from > 0;
    const ask = { signal, cache: stale ? "reload" : cache, from, idle: patience.idle };
    const begin = (response: Response): void => {
      if (have > 0 && !(from > 0 && continuesAt(response, from))) startAgain();
    };
    await receive(get, url, ask, begin, (chunk) => {
      if (have + chunk.byteLength > file.bytes) {
        throw damaged(`${url} is damaged: it is longer than its ${file.bytes} bytes`);
      }
      asksForWhole = false;
      target.set(chunk, have);
      have += chunk.byteLength;
      onBytes(chunk.byteLength);
    });
  };
  /** Bodies of no stated length may end cleanly when a connection breaks; one that ends there again is that short. */
  const checkLength = (): void => {
    if (have === file.bytes) return;
    const came = `${have} of ${file.bytes} bytes (${mib(file.bytes)}) came`;
    if (have === endedAt) throw damaged(`${url} is truncated: ${came}`);
    endedAt = have;
    throw unreachable(url, came);
  };
  const attempt = async (stale: boolean): Promise<void> => {
    try {
      if (have < file.bytes) await fetchRest(stale);
      checkLength();
      await checkHash(target, url, file, copying);
    } catch (error) {
      if (error instanceof TryAgain && error.stale) startAgain();
      throw error;
    }
  };
  await withRetries(signal, patience, () => have, attempt);
}

/** Whether the answer to a request for the rest of a file is that rest. */
function continuesAt(response: Response, from: number): boolean {
  // Another host has to allow that this header is seen; without it, 206 has to do.
  const range = response.headers.get("content-range") ?? `bytes ${from}-`;
  return response.status === 206 && range.startsWith(`bytes ${from}-`);
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
