import { type FileHandle, open } from "node:fs/promises";
import type { Fetch } from "../runtime/receive.ts";

const CHUNK_BYTES = 2 ** 20;

/** Reads files of a folder as if a server answered: a missing file is a 404. No file is in memory as a whole. */
export const fetchFromDisk: Fetch = async (path, { signal }) => {
  try {
    return new Response(streamOf(await open(path), signal));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return new Response(null, { status: 404 });
    }
    throw error;
  }
};

function streamOf(file: FileHandle, signal: AbortSignal | undefined): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull: async (controller) => {
      try {
        signal?.throwIfAborted();
        const { bytesRead, buffer } = await file.read(new Uint8Array(CHUNK_BYTES));
        if (bytesRead > 0) return controller.enqueue(buffer.subarray(0, bytesRead));
      } catch (error) {
        await file.close();
        throw error;
      }
      await file.close();
      controller.close();
    },
    cancel: () => file.close(),
  });
}

/** `fetch` for an address, the disk for a path. */
export function fetchFor(bundle: string): Fetch | undefined {
  return /^https?:/.test(bundle) ? undefined : fetchFromDisk;
}
