import type { ModelSummary, Usage } from "../../runtime/messages.ts";
import type { Adapter } from "../../site/device.ts";
import type { ModelChoice } from "../page_data.ts";
import { recall, remember } from "../remembered.ts";

/** Answers with fewer tokens say too little. */
const ENOUGH_TOKENS = 16;

/**
 * Bytes of weights that a GPU reads in a second, by who made it: the lower end of what they sell, since whoever waits less
 * than was promised does not mind.
 */
const BANDWIDTH: Readonly<Record<string, number>> = { nvidia: 150e9, amd: 60e9, apple: 60e9 };
const OTHER_BANDWIDTH = 25e9;
const SOFTWARE_BANDWIDTH = 0.5e9;
/** Seconds of a token that no smaller model makes shorter. */
const FLOOR = 0.01;

export interface Speed {
  readonly tokensPerSecond: number;
  /** Whether it was seen on this device; otherwise it is a guess from its kind. */
  readonly measured: boolean;
}

const key = (model: string, adapter: string): string => `speed ${model} ${adapter}`;

/** Remembers how fast an answer came. */
export function noteSpeed(model: ModelSummary, usage: Usage): void {
  if (usage.completionTokens < ENOUGH_TOKENS) return;
  remember(key(model.name, model.adapter), String(usage.tokensPerSecond));
}

export function speedOf(model: ModelChoice, adapter: Adapter): Speed {
  const seen = Number(recall(key(model.name, adapter.name)));
  if (seen > 0) return { tokensPerSecond: seen, measured: true };
  const bandwidth = adapter.software
    ? SOFTWARE_BANDWIDTH
    : (BANDWIDTH[adapter.vendor] ?? OTHER_BANDWIDTH);
  const weights = model.variants[0].memory.weights;
  return { tokensPerSecond: 1 / (FLOOR + weights / bandwidth), measured: false };
}
