import { Budget } from "./budget.ts";
import { bundleAddress } from "./bundle_address.ts";
import { download, fetchText } from "./download.ts";
import { WindowseatError } from "./failure.ts";
import type { Bundle, BundleFile } from "./format.ts";
import { findFile, parseManifest } from "./manifest.ts";
import type { Fetch } from "./receive.ts";
import { type Kept, openKept } from "./storage/kept.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Shards in memory at once: 128 MiB at the usual size. */
const SHARDS_IN_MEMORY = 4;
/** How long a version that is here waits for the network to say whether there is a newer one. */
const PATIENCE_MS = 1500;
/** The same when a newer one has been seen before, but is not here. */
const PATIENCE_FOR_NEWER_MS = 10_000;

export interface FileOptions {
  readonly signal?: AbortSignal;
  /** Called with the bytes that just came; negative when bytes are taken back. */
  readonly onBytes?: (bytes: number) => void;
  /** A shard, in this memory; the budget must have a place for it already. */
  readonly into?: Bytes;
}

/** Where the bytes of a load came from, and what it held in memory. */
export interface Traffic {
  readonly networkBytes: number;
  readonly storedBytes: number;
  readonly mostShards: number;
}

/** A bundle at an address: its manifest, and its other files on demand. */
export interface OpenBundle {
  readonly manifest: Bundle;
  /** Places for shards in memory, and for copies of them that the browser makes. */
  readonly shardBudget: Budget;
  /** A file of the bundle, its length and SHA-256 checked. */
  readonly read: (path: string, options?: FileOptions) => Promise<Bytes>;
  readonly has: (path: string) => boolean;
  readonly traffic: () => Traffic;
  /** One sentence on why this browser does not keep the bundle's files for the next load; null when it does. */
  readonly notKept: () => string | null;
  /** Ends the load; `loaded` says that all that was needed has been read, so that the next one needs no network. */
  readonly close: (loaded: boolean) => Promise<void>;
}

export interface OpenOptions {
  readonly fetch?: Fetch | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether this browser may keep the files and use those that it keeps; true unless given. */
  readonly keep?: boolean | undefined;
}

/** Opens the bundle in a folder with the manifest of its newest version. */
export async function openBundle(folder: string, options: OpenOptions = {}): Promise<OpenBundle> {
  const get: Fetch = options.fetch ?? ((url, init) => fetch(url, init));
  const base = bundleAddress(folder);
  const url = `${base}/bundle.json`;
  const kept = await openKept(base, options.keep ?? true);
  const { text, manifest } = await findVersion(get, url, kept, options.signal);
  await kept.begin(text, manifest);
  const shardBudget = new Budget(SHARDS_IN_MEMORY);
  const traffic = { networkBytes: 0, storedBytes: 0 };

  const fetchFile = (file: BundleFile, into: Bytes, { signal, onBytes }: FileOptions) =>
    download(get, `${base}/${file.path}`, file, into, {
      signal,
      onBytes: (count) => {
        if (count > 0) traffic.networkBytes += count;
        onBytes?.(count);
      },
      copying: (step) => (isShard(manifest, file) ? shardBudget.hold(step) : step()),
      // Files in storage need no second place in the HTTP cache.
      cache: kept.refusal() === null ? "no-store" : "default",
    });

  return {
    manifest,
    shardBudget,
    has: (path) => findFile(manifest, path) !== null,
    traffic: () => ({ ...traffic, mostShards: shardBudget.most }),
    notKept: () => {
      const why = kept.refusal();
      return why && `${manifest.name} is not kept for the next visit: ${why}.`;
    },
    close: (loaded) => kept.end(loaded ? text : null),
    read: async (path, { signal = options.signal, ...rest } = {}) => {
      const file = findFile(manifest, path);
      if (file === null) {
        throw new WindowseatError(
          "missing_file",
          `${manifest.name} has no file ${path} in its manifest; build the bundle again.`,
        );
      }
      const target = rest.into?.subarray(0, file.bytes) ?? new Uint8Array(file.bytes);
      const stored = await kept.read(file, target, signal, () =>
        fetchFile(file, target, { ...rest, ...(signal && { signal }) }),
      );
      if (stored) {
        traffic.storedBytes += file.bytes;
        rest.onBytes?.(file.bytes);
      }
      return target;
    },
  };
}

/** A version of a bundle: its manifest, and the text by which it is told from others. */
interface Version {
  readonly text: string;
  readonly manifest: Bundle;
}

/**
 * The newest version.
 *
 * The network is asked first, for a bundle may have been built anew. With a version in storage its answer is waited for
 * only shortly: what comes later is noted for the next load. A server that says that the file is gone is believed. What
 * is no manifest is not, as it may be the page of a hotel's network, or made for a newer version of this one.
 */
async function findVersion(
  get: Fetch,
  url: string,
  { record, noteNewer }: Kept,
  signal: AbortSignal | undefined,
): Promise<Version> {
  const read = (text: string): Version => ({ text, manifest: parseManifest(text, url) });
  const next = readable(record?.next, read);
  const here = readable(record?.current, read) ?? next;
  if (here === null) return read(await fetchText(get, url, signal, 3));
  const asked = fetchText(get, url, signal, 1).then(read);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const patience = next === null ? PATIENCE_MS : PATIENCE_FOR_NEWER_MS;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, patience, null);
  });
  try {
    const version = await Promise.race([asked, late]);
    if (version === null) asked.then(({ text }) => noteNewer(text)).catch(() => {});
    return version ?? here;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof WindowseatError && error.code !== "missing_file") return here;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** A version in storage, if this runtime can read it. */
function readable(
  text: string | null | undefined,
  read: (text: string) => Version,
): Version | null {
  try {
    return text ? read(text) : null;
  } catch {
    return null;
  }
}

function isShard(manifest: Bundle, { path }: BundleFile): boolean {
  return manifest.weights.shards.includes(path);
}
