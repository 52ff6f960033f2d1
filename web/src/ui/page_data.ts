import type { Sampling } from "../runtime/messages.ts";
import { part } from "./parts.ts";

/** What a variant of a model needs of an adapter, as its bundle has it. */
export interface VariantNeeds {
  /** Made for adapters that compute on the CPU, and taken nowhere else. */
  readonly software: boolean;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
  /** Bytes of GPU memory: all of it, and more for each token of a conversation. */
  readonly memory: {
    readonly weights: number;
    readonly fixed: number;
    readonly per_position: number;
  };
}

/** One model the page offers; pages.py writes these from the bundles of the site. */
export interface ModelChoice {
  readonly name: string;
  /** What it is called on this site. */
  readonly label: string;
  /** Folder of the bundle, relative to the page, with a slash at its end. */
  readonly bundle: string;
  /** Bytes of all its files. */
  readonly bytes: number;
  readonly parameters: number;
  /** Tokens that a conversation may hold. */
  readonly context: number;
  readonly variants: readonly [VariantNeeds, ...VariantNeeds[]];
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
