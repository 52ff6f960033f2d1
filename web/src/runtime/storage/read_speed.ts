import { WindowseatError } from "../failure.ts";
import { findFile, parseManifest } from "../manifest.ts";
import { readRecord, recordName } from "./records.ts";
import { locked, openStore } from "./store.ts";

export interface ReadSpeed {
  readonly bytes: number;
  readonly ms: number;
}

/**
 * Reads the kept shards of the bundle at an address, one after the other, and does nothing with them.
 *
 * What a warm load is held against; only workers can. Bytes that the system has in memory count like any others.
 */
export async function measureReadSpeed(address: string): Promise<ReadSpeed> {
  const store = await openStore();
  const record =
    typeof store === "string" ? null : await readRecord(store, await recordName(address));
  if (typeof store === "string" || !record?.current) {
    throw new WindowseatError(
      "bad_request",
      `Nothing whole is kept of the bundle at ${address}; load it in this browser first.`,
    );
  }
  const { files } = store;
  const manifest = parseManifest(record.current, address);
  const { shard_bytes, shards } = manifest.weights;
  const target = new Uint8Array(shard_bytes);
  let bytes = 0;
  const started = performance.now();
  for (const path of shards) {
    const name = findFile(manifest, path)?.sha256 ?? "";
    bytes += await locked(name, undefined, async () => {
      const handle = await (await files.getFileHandle(name)).createSyncAccessHandle?.();
      const count = handle?.read(target, { at: 0 }) ?? 0;
      handle?.close();
      return count;
    });
  }
  return { bytes, ms: performance.now() - started };
}
