import { readFile } from "node:fs/promises";
import type { Fetch } from "../runtime/files.ts";

/** Reads files of a folder as if a server answered: a missing file is a 404. */
export const fetchFromDisk: Fetch = async (path, { signal }) => {
  try {
    return new Response(await readFile(path, { signal }));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return new Response(null, { status: 404 });
    }
    throw error;
  }
};

/** `fetch` for an address, the disk for a path. */
export function fetchFor(bundle: string): Fetch | undefined {
  return /^https?:/.test(bundle) ? undefined : fetchFromDisk;
}
