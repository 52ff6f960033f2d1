import { fileURLToPath } from "node:url";
import { createHost } from "../engine/host.ts";
import { fetchFor } from "../node/folder.ts";
import { messageOf } from "../runtime/message_of.ts";
import type { Connect } from "./connection.ts";
import { loadEngine, type WindowseatEngine } from "./engine.ts";
import { ApiError } from "./error.ts";
import type { BrowserLoadOptions } from "./index.ts";

export type { ModelSummary } from "../runtime/messages.ts";
export type { ChatCompletions } from "./chat.ts";
export type { Completions } from "./completions.ts";
export type { LoadOptions, LoadProgress, WindowseatEngine } from "./engine.ts";
export { ApiError, type ErrorCode, type ErrorType } from "./error.ts";
export type { BrowserLoadOptions } from "./index.ts";
export { routeFetch } from "./route_fetch.ts";
export type { Session } from "./session.ts";
export type { Stream } from "./stream.ts";
export type * from "./types.ts";

/** The way in, in Node. */
export const Windowseat = {
  /**
   * Loads the bundle in a folder, by its path or its address, in this thread, on Dawn: the package `webgpu` has to be
   * installed. Throws an `ApiError` where the device or the bundle will not do. `worker` and `shared` are for pages, and
   * change nothing here.
   */
  async load(bundle: string | URL, options: BrowserLoadOptions = {}): Promise<WindowseatEngine> {
    const url = bundle instanceof URL || bundle.startsWith("file:") ? new URL(bundle) : null;
    const place = url?.protocol === "file:" ? fileURLToPath(url) : String(bundle);
    return await loadEngine(await connectHere(place), place, options);
  },
};

/** Dawn, once it was wanted: a page that a server renders imports this package, too, and needs none. */
let dawn: Promise<GPU> | undefined;

async function startDawn(): Promise<GPU> {
  try {
    const { openDawn } = await import("../node/dawn.ts");
    return openDawn();
  } catch (error) {
    const why = messageOf(error);
    throw new ApiError(`WebGPU could not be started in Node: ${why}; npm install webgpu.`, {
      type: "server_error",
      code: "no_webgpu",
      status: 500,
    });
  }
}

/** An engine in this thread. */
async function connectHere(bundle: string): Promise<Connect> {
  dawn ??= startDawn();
  const gpu = await dawn;
  return (listen) => {
    const { receive, close } = createHost(listen, { gpu, fetch: fetchFor(bundle) });
    return { send: receive, close };
  };
}
