import { type Connect, connectWorker } from "./connection.ts";
import { type LoadOptions, loadEngine, type WindowseatEngine } from "./engine.ts";
import { refusal } from "./error.ts";
import { connectShared } from "./shared_connection.ts";

export type { ModelSummary } from "../runtime/messages.ts";
export type { ChatCompletions } from "./chat.ts";
export type { Completions } from "./completions.ts";
export type { LoadOptions, LoadProgress, WindowseatEngine } from "./engine.ts";
export { ApiError, type ErrorCode, type ErrorType } from "./error.ts";
export { routeFetch } from "./route_fetch.ts";
export type { Session } from "./session.ts";
export type { Stream } from "./stream.ts";
export type * from "./types.ts";

/** What may be chosen of a load in a page. */
export interface BrowserLoadOptions extends LoadOptions {
  /**
   * Where the package's worker.js is served, or a worker that runs it; beside this module unless given, which bundlers see
   * to. A worker's script has to come from the page's own origin.
   */
  readonly worker?: URL | string | Worker | undefined;
  /**
   * Whether all tabs of the origin that ask for the same bundle with the same options share one engine, in a SharedWorker;
   * where a browser has none, or no WebGPU in it, the page has an engine of its own. False unless given.
   */
  readonly shared?: boolean | undefined;
}

/** The way in. */
export const Windowseat = {
  /**
   * Loads the bundle in a folder, whose address may be relative to the page, in a worker of its own. Throws an `ApiError`
   * where the device or the bundle will not do.
   */
  async load(bundle: string | URL, options: BrowserLoadOptions = {}): Promise<WindowseatEngine> {
    const base = globalThis.document?.baseURI ?? globalThis.location.href;
    const address = new URL(bundle, base).href;
    const { worker, shared = false } = options;
    const own = connectWorker(worker);
    return await loadEngine(shared ? share(address, options, own) : own, address, options);
  },
};

function share(address: string, options: BrowserLoadOptions, own: Connect): Connect {
  const { worker, cache, variant, context, kvCache } = options;
  if (worker instanceof Worker) {
    throw refusal(
      "invalid_value",
      "worker",
      "worker is a Worker, which belongs to one page; give the address of its script, or leave shared out.",
    );
  }
  const name = JSON.stringify({ address, cache, variant, context, kvCache });
  return connectShared(worker, name, own);
}
