import { mib } from "../failure.ts";
import type { Bundle, BundleFile } from "../format.ts";
import { messageOf } from "../message_of.ts";
import { clean, whileNobodyCleans } from "./inventory.ts";
import { type BundleRecord, changeRecord, readRecord, recordName } from "./records.ts";
import {
  canWrite,
  full,
  isFull,
  locked,
  namesIn,
  openStore,
  readInto,
  remove,
  type Store,
  write,
} from "./store.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** What this browser keeps of one bundle, while it is loaded. Nothing that storage does ends a load. */
export interface Kept {
  /** The end of a sentence on why files are not kept, or null when they are. */
  readonly refusal: () => string | null;
  /** The record from earlier loads. */
  readonly record: BundleRecord | null;
  /** Makes room for this version, and writes down that it is on its way before its files are. */
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
  let version: string | null = null;
  let cleaning = Promise.resolve();
  let roomMade: Promise<void> | null = null;
  const needed = new Set<string>();
  const change = (how: (before: BundleRecord) => BundleRecord) => changeRecord(store, address, how);
  // A load does not fail with what cannot be removed.
  const tidy = (): Promise<void> => clean(store).catch(() => {});
  /** Gives up the version before, which the one that is loaded replaces anyway. */
  const makeRoom = async (): Promise<void> => {
    await change((before) => ({ ...before, current: null, next: version }));
    await tidy();
  };
  /** Runs a step that writes; when it fails, nothing more is kept. */
  const attempt = async (step: () => Promise<void>): Promise<void> => {
    if (refusal !== null) return;
    try {
      await step().catch(async (error: unknown) => {
        if (!isFull(error) || version === null || !record?.current) throw error;
        roomMade ??= makeRoom();
        await roomMade;
        await step();
      });
    } catch (error) {
      refusal = isFull(error)
        ? `${messageOf(error)}; free some space on the disk`
        : `the browser could not write a file (${messageOf(error)})`;
    }
  };
  /** Writes down that a version is here whole, unless another tab deleted some of what this load has read. */
  const noteWhole = (text: string): Promise<void> =>
    whileNobodyCleans(async () => {
      const here = new Set(await namesIn(store.files));
      if (![...needed].every((name) => here.has(name))) return;
      await change(({ address, next }) => ({
        address,
        current: text,
        next: next === text ? null : next,
      }));
    });
  const noteNewer = (next: string): Promise<void> =>
    attempt(() => change((before) => ({ ...before, next: next === before.current ? null : next })));
  return {
    refusal: () => refusal,
    record,
    noteNewer,
    begin: async (text, manifest) => {
      cleaning = tidy();
      if (record?.current !== text) {
        version = text;
        await cleaning;
        await attempt(() => checkRoom(store, manifest));
      }
      await noteNewer(text);
    },
    read: (file, target, signal, fetch) =>
      locked(file.sha256, signal, async () => {
        needed.add(file.sha256);
        const found = await readInto(store.files, file.sha256, target).catch(() => false);
        if (found) return true;
        // A load that is over may have lost the memory that it read into: that says nothing about the file.
        signal?.throwIfAborted();
        if (target.byteLength !== file.bytes)
          throw new DOMException("the load is over", "AbortError");
        await remove(store.files, file.sha256);
        await fetch();
        await attempt(() => write(store, store.files, file.sha256, target));
        return false;
      }),
    end: async (loadedText) => {
      await cleaning;
      if (loadedText === null || refusal !== null) return;
      await attempt(() => noteWhole(loadedText));
      if (record?.current !== loadedText) await tidy();
    },
  };
}

/** Refuses a bundle whose files do not fit, as far as the browser says how much does. */
async function checkRoom({ files }: Store, manifest: Bundle): Promise<void> {
  const here = new Set(await namesIn(files));
  const missing = manifest.files.filter(({ sha256 }) => !here.has(sha256));
  const bytes = missing.reduce((sum, file) => sum + file.bytes, 0);
  const { quota = 0, usage = 0 } = await navigator.storage.estimate();
  if (bytes > quota - usage) {
    throw full(`its files take ${mib(bytes)} and this site may store ${mib(quota - usage)} more`);
  }
}
