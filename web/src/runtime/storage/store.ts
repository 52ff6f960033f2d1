import { messageOf } from "../message_of.ts";
import { addToChecksum, CHECKSUM_BYTES, startChecksum } from "./checksum.ts";

/**
 * Files that this browser keeps for a site, in its origin private file system (OPFS).
 *
 * `windowseat/files/` has the files of bundles by their SHA-256, `windowseat/bundles/` a record for each bundle, and
 * `windowseat/parts/` what is being written: a file appears under its name by a move, once it is whole. Behind its
 * content each has a checksum. Whoever reads or writes a name holds its lock, which all tabs of the site share.
 */
export interface Store {
  readonly files: FileSystemDirectoryHandle;
  readonly bundles: FileSystemDirectoryHandle;
  readonly parts: FileSystemDirectoryHandle;
}

const ROOT = "windowseat";
/** Fits into a processor's cache, so that the checksum finds there what was just read. */
const BLOCK_BYTES = 2 ** 20;
/** A piece of a file that comes as a promise: large, as each has to be waited for. */
const BLOB_BYTES = 8 * 2 ** 20;

/** The storage of this site, or a sentence's end on why there is none. */
export async function openStore(): Promise<Store | string> {
  const { storage, locks } = globalThis.navigator ?? {};
  if (!storage?.getDirectory || !locks) return "this browser has no private file system for pages";
  try {
    const root = await (await storage.getDirectory()).getDirectoryHandle(ROOT, { create: true });
    const folder = (name: string) => root.getDirectoryHandle(name, { create: true });
    const [files, bundles, parts] = await Promise.all(["files", "bundles", "parts"].map(folder));
    if (files && bundles && parts) return { files, bundles, parts };
    return "the browser gave no folder";
  } catch (error) {
    return `the browser refuses to keep files in this window (${messageOf(error)})`;
  }
}

/** Whether this is a place that may write: a worker of a browser with all that writing takes. */
export function canWrite(): boolean {
  const prototype = globalThis.FileSystemFileHandle?.prototype;
  if (prototype === undefined || !("move" in prototype)) return false;
  return "createSyncAccessHandle" in prototype || inSharedWorker();
}

/** A worker that tabs share has no access handles: it reads and writes as pages do. */
function inSharedWorker(): boolean {
  return "onconnect" in globalThis;
}

/** Runs a step while no one else reads or writes the file of this name, in any tab. */
export async function locked<T>(
  name: string,
  signal: AbortSignal | undefined,
  step: () => Promise<T>,
): Promise<T> {
  return await navigator.locks.request(lockName(name), signal ? { signal } : {}, step);
}

/** The same, unless someone has the file: then nothing is run. */
export async function lockedIfFree(name: string, step: () => Promise<void>): Promise<void> {
  await navigator.locks.request(lockName(name), { ifAvailable: true }, async (lock) => {
    if (lock) await step();
  });
}

function lockName(name: string): string {
  return `${ROOT}/${name}`;
}

/** Reads a file into the beginning of `target`; false when it is not there, or is not what was written. */
export async function readInto(
  folder: FileSystemDirectoryHandle,
  name: string,
  target: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const file = await find(folder, name);
  if (file && inSharedWorker()) return await readBlob(await file.getFile(), target);
  const handle = await file?.createSyncAccessHandle?.();
  if (!handle) return false;
  try {
    const bytes = target.byteLength;
    if (handle.getSize() !== bytes + CHECKSUM_BYTES) return false;
    const sum = startChecksum();
    for (let at = 0; at < bytes; at += BLOCK_BYTES) {
      const block = target.subarray(at, at + BLOCK_BYTES);
      if (handle.read(block, { at }) !== block.byteLength) return false;
      addToChecksum(sum, block);
    }
    const written = new Int32Array(sum.length);
    handle.read(new Uint8Array(written.buffer), { at: bytes });
    return sum.every((word, i) => word === written[i]);
  } finally {
    handle.close();
  }
}

async function readBlob(file: Blob, target: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const bytes = target.byteLength;
  if (file.size !== bytes + CHECKSUM_BYTES) return false;
  const sum = startChecksum();
  for (let at = 0; at < bytes; at += BLOB_BYTES) {
    const end = Math.min(at + BLOB_BYTES, bytes);
    const block = new Uint8Array(await file.slice(at, end).arrayBuffer());
    target.set(block, at);
    addToChecksum(sum, block);
  }
  const written = new Int32Array(await file.slice(bytes).arrayBuffer());
  return sum.every((word, i) => word === written[i]);
}

/** The content of a small file of any length; null when it is not there, or is not what was written. */
export async function readSmall(
  folder: FileSystemDirectoryHandle,
  name: string,
): Promise<Uint8Array<ArrayBuffer> | null> {
  const file = await find(folder, name);
  if (!file) return null;
  const buffer = await (await file.getFile()).arrayBuffer();
  if (buffer.byteLength < CHECKSUM_BYTES) return null;
  const content = new Uint8Array(buffer, 0, buffer.byteLength - CHECKSUM_BYTES);
  const sum = startChecksum();
  addToChecksum(sum, content);
  const written = new Int32Array(buffer.slice(content.byteLength));
  return sum.every((word, i) => word === written[i]) ? content : null;
}

/** Writes a file so that it is there whole or not at all; the lock of the name must be held. */
export async function write(
  { parts }: Store,
  folder: FileSystemDirectoryHandle,
  name: string,
  content: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const part = await parts.getFileHandle(name, { create: true });
  try {
    await fill(part, content);
    await part.move?.(folder, name);
  } catch (error) {
    await parts.removeEntry(name).catch(() => {}); // what cannot be removed now is at the next load
    throw error;
  }
}

/** No flush: a power cut may leave less than was written, which the checksum finds. */
async function fill(part: FileSystemFileHandle, content: Uint8Array<ArrayBuffer>): Promise<void> {
  if (inSharedWorker()) return await fillAsPagesDo(part, content);
  const handle = await part.createSyncAccessHandle?.();
  if (!handle) throw new Error("only workers write");
  try {
    const sum = startChecksum();
    addToChecksum(sum, content);
    handle.truncate(0);
    const bytes = content.byteLength;
    const written =
      handle.write(content, { at: 0 }) + handle.write(new Uint8Array(sum.buffer), { at: bytes });
    if (written !== bytes + CHECKSUM_BYTES) throw full("the browser wrote less than it was given");
  } finally {
    handle.close();
  }
}

async function fillAsPagesDo(
  part: FileSystemFileHandle,
  content: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const sum = startChecksum();
  addToChecksum(sum, content);
  const writable = await part.createWritable();
  try {
    await writable.write(content);
    await writable.write(sum);
  } catch (error) {
    await writable.abort();
    throw error;
  }
  await writable.close();
}

const FULL = "QuotaExceededError";

/** What browsers throw when there is no more room; some write less instead. */
export function full(message: string): DOMException {
  return new DOMException(message, FULL);
}

export function isFull(error: unknown): boolean {
  return error instanceof DOMException && error.name === FULL;
}

/** Removes a file; one that is not there, or that someone reads, is left alone. */
export async function remove(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  await folder.removeEntry(name).catch(() => {});
}

/** The names of what is in a folder. */
export async function namesIn(folder: FileSystemDirectoryHandle): Promise<string[]> {
  const names: string[] = [];
  for await (const name of folder.keys()) names.push(name);
  return names;
}

async function find(
  folder: FileSystemDirectoryHandle,
  name: string,
): Promise<FileSystemFileHandle | null> {
  try {
    return await folder.getFileHandle(name);
  } catch {
    return null;
  }
}
