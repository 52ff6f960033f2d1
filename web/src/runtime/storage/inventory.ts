import { bundleAddress } from "../bundle_address.ts";
import { WindowseatError } from "../failure.ts";
import type { Bundle } from "../format.ts";
import { parseManifest } from "../manifest.ts";
import type { StoredBundle } from "../messages.ts";
import { CHECKSUM_BYTES } from "./checksum.ts";
import { type BundleRecord, readRecord, recordName } from "./records.ts";
import { locked, lockedIfFree, namesIn, openStore, remove, type Store } from "./store.ts";

export interface StoredBundles {
  readonly bundles: readonly StoredBundle[];
  /** Bytes of all files together. */
  readonly bytes: number;
}

/** What this browser keeps for this site. */
export async function listStored(): Promise<StoredBundles> {
  const store = await openStore();
  if (typeof store === "string") return { bundles: [], bytes: 0 };
  const sizes = await storedSizes(store);
  const bundles = (await readRecords(store)).map((record): StoredBundle => {
    const manifests = manifestsOf(record);
    const used = new Set(manifests.flatMap(({ files }) => files.map(({ sha256 }) => sha256)));
    return {
      address: record.address,
      name: manifests[0]?.name ?? record.address,
      bytes: total([...used].map((name) => sizes.get(name) ?? 0)),
      complete: record.current !== null,
    };
  });
  return { bundles: bundles.filter(({ bytes }) => bytes > 0), bytes: total([...sizes.values()]) };
}

/** Deletes what is kept of the bundle at an address and no other bundle has, or all that is kept for this site. */
export async function deleteStored(address: string | null): Promise<void> {
  const store = await openStore();
  if (typeof store === "string") return;
  const all = await namesIn(store.bundles);
  const names = address === null ? all : [await recordName(bundleAddress(address))];
  if (names.some((name) => !all.includes(name))) {
    throw new WindowseatError(
      "bad_request",
      `Nothing is kept of the bundle at ${address}; ask for the list of what is.`,
    );
  }
  for (const name of names) await locked(name, undefined, () => remove(store.bundles, name));
  await clean(store);
}

/**
 * Removes what broken-off loads have left, and files that no bundle has any more.
 *
 * Loads in other tabs go on: what they are writing is locked, and their bundle was written down before its files. That
 * is why the files are listed before the bundles.
 */
export async function clean(store: Store): Promise<void> {
  const files = await namesIn(store.files);
  for (const name of await namesIn(store.parts)) {
    await lockedIfFree(name, () => remove(store.parts, name));
  }
  const used = new Set<string>();
  for (const record of await readRecords(store)) {
    for (const manifest of manifestsOf(record)) {
      for (const { sha256 } of manifest.files) used.add(sha256);
    }
  }
  for (const name of files) {
    if (!used.has(name)) await lockedIfFree(name, () => remove(store.files, name));
  }
}

async function readRecords(store: Store): Promise<BundleRecord[]> {
  const names = await namesIn(store.bundles);
  const records = await Promise.all(
    names.map((name) => locked(name, undefined, () => readRecord(store, name))),
  );
  return records.filter((record) => record !== null);
}

/** The manifests of a record that this version of the runtime can read, the one that is whole first. */
function manifestsOf({ address, current, next }: BundleRecord): Bundle[] {
  return [current, next].flatMap((text) => {
    try {
      return text === null ? [] : [parseManifest(text, address)];
    } catch {
      return [];
    }
  });
}

async function storedSizes({ files }: Store): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for await (const [name, entry] of files.entries()) {
    if (entry.kind !== "file") continue;
    sizes.set(name, (await entry.getFile()).size - CHECKSUM_BYTES);
  }
  return sizes;
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
