import { connectWorker } from "./connection.ts";
import { type LoadOptions, loadEngine, type WindowseatEngine } from "./engine.ts";

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
}

/** The way in. */
export const Windowseat = {
  /**
   * Loads the bundle in a folder, whose address may be relative to the page, in a worker of its own. Throws an `ApiError`
   * where the device or the bundle will not do.
   */
  load(bundle: string | URL, options: BrowserLoadOptions = {}): Promise<WindowseatEngine> {
    const base = globalThis.document?.baseURI ?? globalThis.location.href;
    return loadEngine(connectWorker(options.worker), new URL(bundle, base).href, options);
  },
};
