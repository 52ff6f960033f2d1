import { bundleAddress } from "../bundle_address.ts";
import { WindowseatError } from "../failure.ts";
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
    return {
      address: record.address,
      name: nameOf(record),
      bytes: total([...filesOf(record)].map((name) => sizes.get(name) ?? 0)),
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
  await whileNobodyCleans(async () => {
    const files = await namesIn(store.files);
    for (const name of await namesIn(store.parts)) {
      await lockedIfFree(name, () => remove(store.parts, name));
    }
    const records = await readRecords(store);
    const used = new Set(records.flatMap((record) => [...filesOf(record)]));
    for (const name of files) {
      if (!used.has(name)) await lockedIfFree(name, () => remove(store.files, name));
    }
  });
}

/** Runs a step during which no file goes because no bundle has it, in any tab. */
export async function whileNobodyCleans(step: () => Promise<void>): Promise<void> {
  await locked("cleaning", undefined, step);
}

/**
 * The names of the files that a record tells of, and maybe of some that are none.
 *
 * Read off the text: a version of the site at another address of this origin may keep bundles of a format that this
 * runtime cannot read, and their files are none of its business.
 */
export function filesOf({ current, next }: BundleRecord): ReadonlySet<string> {
  const hashes = [current, next].flatMap((text) => text?.match(/\b[0-9a-f]{64}\b/g) ?? []);
  return new Set(hashes);
}

async function readRecords(store: Store): Promise<BundleRecord[]> {
  const names = await namesIn(store.bundles);
  const records = await Promise.all(
    names.map((name) => locked(name, undefined, () => readRecord(store, name))),
  );
  return records.filter((record) => record !== null);
}

/** What the version that is whole calls itself, or the address where this runtime cannot read that. */
function nameOf({ address, current, next }: BundleRecord): string {
  try {
    return parseManifest(current ?? next ?? "", address).name;
  } catch {
    return address;
  }
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
