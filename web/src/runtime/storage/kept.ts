import { messageOf, mib } from "../failure.ts";
import type { Bundle, BundleFile } from "../format.ts";
import { clean } from "./inventory.ts";
import { type BundleRecord, changeRecord, readRecord, recordName } from "./records.ts";
import { canWrite, locked, openStore, readInto, remove, type Store, write } from "./store.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What this browser keeps of one bundle, while it is loaded. Nothing that storage does ends a load. */
export interface Kept {
  /** The end of a sentence on why files are not kept, or null when they are. */
  readonly refusal: () => string | null;
  /** The record from earlier loads. */
  readonly record: BundleRecord | null;
  /** Writes down that this version is on its way, before its files are, and makes room for it. */
  readonly begin: (text: string, manifest: Bundle) => Promise<void>;
  /** Fills `target` from storage and gives true, or by `fetch`, and then puts it into storage. */
  readonly read: (
    file: BundleFile,
    target: Bytes,
    signal: AbortSignal | undefined,
    fetch: () => Promise<void>,
  ) => Promise<boolean>;
  /** Notes a version that the network gave too late for this load. */
  readonly noteNewer: (text: string) => Promise<void>;
  /** Ends the load; when everything that it needs has been read, this version takes the place of the one before. */
  readonly end: (loadedText: string | null) => Promise<void>;
}

/** What is kept of the bundle at an address; with `keep` false nothing is read or written. */
export async function openKept(address: string, keep: boolean): Promise<Kept> {
  if (!keep) return nothingKept("the load was asked not to");
  if (!canWrite()) return nothingKept("only a worker of a browser can");
  const store = await openStore();
  if (typeof store === "string") return nothingKept(store);
  const record = await readRecord(store, await recordName(address));
  return keptIn(store, address, record);
}

function nothingKept(refusal: string): Kept {
  return {
    refusal: () => refusal,
    record: null,
    begin: async () => {},
    read: async (_file, _target, _signal, fetch) => {
      await fetch();
      return false;
    },
    noteNewer: async () => {},
    end: async () => {},
  };
}

function keptIn(store: Store, address: string, record: BundleRecord | null): Kept {
  let refusal: string | null = null;
  let cleaning = Promise.resolve();
  const change = async (how: (before: BundleRecord) => BundleRecord): Promise<void> => {
    refusal = (await changeRecord(store, address, how)) ?? refusal;
  };
  const noteNewer = (next: string): Promise<void> =>
    change((before) => ({ ...before, next: next === before.current ? null : next }));
  const keep = async ({ sha256 }: BundleFile, bytes: Bytes): Promise<void> => {
    if (refusal !== null) return;
    try {
      await write(store, store.files, sha256, bytes);
    } catch (error) {
      refusal = isFull(error)
        ? "the browser's storage for this site is full; free some space on the disk"
        : `the browser could not write a file (${messageOf(error)})`;
    }
  };
  return {
    refusal: () => refusal,
    record,
    noteNewer,
    begin: async (text, manifest) => {
      await noteNewer(text);
      // A load does not wait for it, and does not fail with it.
      cleaning = clean(store).catch(() => {});
      const missing = await missingBytes(store, manifest);
      if (missing === 0) return;
      await cleaning;
      refusal ??= await tooLittleRoom(missing);
    },
    read: (file, target, signal, fetch) =>
      locked(file.sha256, signal, async () => {
        const found = await readInto(store.files, file.sha256, target).catch(() => false);
        if (found) return true;
        await remove(store.files, file.sha256);
        await fetch();
        await keep(file, target);
        return false;
      }),
    end: async (loadedText) => {
      await cleaning;
      if (loadedText === null || refusal !== null) return;
      await change((before) => ({
        ...before,
        current: loadedText,
        next: before.next === loadedText ? null : before.next,
      }));
      if (record?.current !== loadedText) await clean(store).catch(() => {});
    },
  };
}

/** Bytes of the bundle's files that are not in storage. */
async function missingBytes({ files }: Store, manifest: Bundle): Promise<number> {
  const names = new Set<string>();
  for await (const name of files.keys()) names.add(name);
  return manifest.files.reduce(
    (sum, { sha256, bytes }) => sum + (names.has(sha256) ? 0 : bytes),
    0,
  );
}

async function tooLittleRoom(bytes: number): Promise<string | null> {
  const { quota = 0, usage = 0 } = await navigator.storage.estimate();
  if (bytes <= quota - usage) return null;
  return `its files take ${mib(bytes)} and this site may store ${mib(quota - usage)} more; free some space on the disk`;
}

function isFull(error: unknown): boolean {
  return error instanceof Error && error.name === "QuotaExceededError";
}
