import { Field } from "../fields.ts";
import { sha256 } from "../sha256.ts";
import { locked, readSmall, type Store, write } from "./store.ts";

/** What a browser keeps about the bundle at an address, besides its files. */
export interface BundleRecord {
  readonly address: string;
  /** The manifest of the last version that loaded to the end: what a load without a network gets. */
  readonly current: string | null;
  /** The manifest of another version that was seen since: its files may be there in part. */
  readonly next: string | null;
}

/** The name of the record of the bundle at an address. */
export async function recordName(address: string): Promise<string> {
  return await sha256(new TextEncoder().encode(address));
}

/** The record of that name, or null where there is none that can be read. */
export async function readRecord(store: Store, name: string): Promise<BundleRecord | null> {
  try {
    const content = await readSmall(store.bundles, name);
    if (content === null) return null;
    const record = new Field("record", JSON.parse(new TextDecoder().decode(content)));
    return {
      address: record.get("address").text,
      current: record.get("current").textOrNull,
      next: record.get("next").textOrNull,
    };
  } catch {
    return null;
  }
}

/** Changes the record of a bundle to what `change` makes of it. */
export async function changeRecord(
  store: Store,
  address: string,
  change: (before: BundleRecord) => BundleRecord,
): Promise<void> {
  const name = await recordName(address);
  await locked(name, undefined, async () => {
    const before = (await readRecord(store, name)) ?? { address, current: null, next: null };
    const after = change(before);
    if (after.current === before.current && after.next === before.next) return;
    const content = new TextEncoder().encode(JSON.stringify(after));
    await write(store, store.bundles, name, content);
  });
}
