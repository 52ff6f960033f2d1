import { bundleAddress } from "../bundle_address.ts";
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
    typeof store === "string"
      ? null
      : await readRecord(store, await recordName(bundleAddress(address)));
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
    const shard = findFile(manifest, path);
    if (!shard) continue;
    bytes += await locked(shard.sha256, undefined, async () => {
      const file = await files.getFileHandle(shard.sha256);
      const handle = await file.createSyncAccessHandle?.();
      const count = handle?.read(target.subarray(0, shard.bytes), { at: 0 });
      handle?.close();
      return count ?? 0;
    });
  }
  return { bytes, ms: performance.now() - started };
}
