import { messageOf, mib, WindowseatError } from "./failure.ts";
import type { Bundle, BundleFile } from "./format.ts";
import { findFile, parseManifest } from "./manifest.ts";

/** The part of `fetch` that loading needs, so that Node can read a folder instead. */
export type Fetch = (
  url: string,
  init: { readonly signal?: AbortSignal; readonly cache?: RequestCache },
) => Promise<Response>;

export interface FileOptions {
  readonly signal?: AbortSignal;
  /** Called with the bytes just received; negative when a failed try is taken back. */
  readonly onBytes?: (bytes: number) => void;
}

/** A bundle at an address: its manifest, and its other files on demand. */
export interface OpenBundle {
  readonly manifest: Bundle;
  /** A file of the bundle, its length and SHA-256 checked. */
  readonly read: (path: string, options?: FileOptions) => Promise<Uint8Array<ArrayBuffer>>;
  readonly has: (path: string) => boolean;
}

/** Waits before the second and the third try of a request that the network failed. */
const RETRY_AFTER_MS = [250, 1000];

/** What a second try may mend; everything else is thrown at once. */
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

/** Fetches and checks the manifest of the bundle in a folder. */
export async function openBundle(
  folder: string,
  options: { readonly fetch?: Fetch; readonly signal?: AbortSignal } = {},
): Promise<OpenBundle> {
  const get: Fetch = options.fetch ?? ((url, init) => fetch(url, init));
  const base = folder.replace(/\/+$/, "");
  const url = `${base}/bundle.json`;
  const text = await withRetries(options.signal, async () => {
    const response = await request(get, url, options.signal, "no-cache");
    return await received(url, () => response.text());
  });
  const manifest = parseManifest(text, url);
  return {
    manifest,
    has: (path) => findFile(manifest, path) !== null,
    read: async (path, { signal = options.signal, onBytes } = {}) => {
      const file = findFile(manifest, path);
      if (file === null) {
        throw new WindowseatError(
          "missing_file",
          `${manifest.name} has no file ${path} in its manifest; build the bundle again.`,
        );
      }
      return await readFile(get, `${base}/${path}`, file, signal, onBytes);
    },
  };
}

async function readFile(
  get: Fetch,
  url: string,
  file: BundleFile,
  signal: AbortSignal | undefined,
  onBytes: (bytes: number) => void = () => {},
): Promise<Uint8Array<ArrayBuffer>> {
  return await withRetries(signal, async (stale) => {
    const response = await request(get, url, signal, stale ? "reload" : "default");
    let counted = 0;
    try {
      const bytes = await readBody(response, url, file, (count) => {
        counted += count;
        onBytes(count);
      });
      await checkHash(bytes, url, file);
      return bytes;
    } catch (error) {
      onBytes(-counted);
      throw error;
    }
  });
}

async function withRetries<T>(
  signal: AbortSignal | undefined,
  attempt: (stale: boolean) => Promise<T>,
): Promise<T> {
  let stale = false;
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt(stale);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof TryAgain)) throw error;
      const wait = RETRY_AFTER_MS[tries];
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
): Promise<Response> {
  const response = await received(url, () => get(url, signal ? { signal, cache } : { cache }));
  if (response.ok) return response;
  const failure = new WindowseatError(
    "missing_file",
    `${url} is missing: the server answered ${response.status}; copy the whole folder of the bundle there.`,
  );
  throw response.status >= 500 || response.status === 429 ? new TryAgain(failure, false) : failure;
}

/** Runs a step of a request; what the network throws becomes a failure worth another try. */
async function received<T>(url: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw new TryAgain(
      new WindowseatError(
        "missing_file",
        `${url} could not be fetched in three tries (${messageOf(error)}); check the connection and reload.`,
        { cause: error },
      ),
      false,
    );
  }
}

async function readBody(
  response: Response,
  url: string,
  file: BundleFile,
  onBytes: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(file.bytes);
  let length = 0;
  const reader = response.body?.getReader();
  while (reader) {
    const { done, value } = await received(url, () => reader.read());
    if (done) break;
    if (length + value.byteLength > file.bytes) {
      await reader.cancel();
      throw damaged(`${url} is damaged: it is longer than its ${file.bytes} bytes`);
    }
    bytes.set(value, length);
    length += value.byteLength;
    onBytes(value.byteLength);
  }
  if (length < file.bytes) {
    throw damaged(
      `${url} is truncated: ${length} of ${file.bytes} bytes (${mib(file.bytes)}) came`,
    );
  }
  return bytes;
}

async function checkHash(
  bytes: Uint8Array<ArrayBuffer>,
  url: string,
  file: BundleFile,
): Promise<void> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const have = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (have !== file.sha256) {
    throw damaged(
      `${url} is damaged: its SHA-256 starts ${have.slice(0, 12)}, not ${file.sha256.slice(0, 12)}`,
    );
  }
}

function damaged(sentence: string): TryAgain {
  const advice = "copy the file to the server again or build the bundle again";
  return new TryAgain(new WindowseatError("damaged_file", `${sentence}; ${advice}.`), true);
}
