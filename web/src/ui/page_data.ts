import type { Sampling } from "../runtime/messages.ts";
import { part } from "./parts.ts";

/** One model the page offers; pages.py writes these from the bundles of the site. */
export interface ModelChoice {
  readonly name: string;
  /** Folder of the bundle, relative to the page, with a slash at its end. */
  readonly bundle: string;
  /** Things to ask it first. */
  readonly prompts: readonly string[];
  /** How the checkpoint wants its tokens drawn. */
  readonly sampling: Omit<Sampling, "seed">;
}

export interface PageData {
  readonly models: readonly [ModelChoice, ...ModelChoice[]];
}

/** What the site builder wrote into the page. */
export function readPageData(): PageData {
  const page: PageData = JSON.parse(part("page-data", HTMLScriptElement).text);
  return page;
}
