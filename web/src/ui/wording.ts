import type { Failure, FailureCode, LoadStage, ModelSummary, Usage } from "../runtime/messages.ts";
import type { Ending } from "./conversation/conversation.ts";
import { formatted, sizeText, type TextKey, text } from "./texts.ts";

/** What a person can do about a failure, besides reading about it. */
export type Remedy = "try_again" | "new_chat" | "none";

interface Explanation {
  readonly title: TextKey;
  /** What the engine's own sentence, shown above it, does not say: it knows the files, not the reader. */
  readonly advice: TextKey;
  readonly remedy: Remedy;
  /** Whether the engine is gone and the model must be loaded again before the next question. */
  readonly fatal: boolean;
}

const again = { remedy: "try_again", fatal: true } as const;

const EXPLANATIONS: Readonly<Record<FailureCode, Explanation>> = {
  no_webgpu: { title: "no_webgpu", advice: "no_webgpu_advice", remedy: "none", fatal: true },
  no_adapter: { title: "no_adapter", advice: "no_adapter_advice", ...again },
  adapter_too_small: {
    title: "too_small",
    advice: "too_small_advice",
    remedy: "none",
    fatal: true,
  },
  device_lost: { title: "device_lost", advice: "device_lost_advice", ...again },
  network: { title: "network", advice: "partly_kept", ...again },
  cancelled: { title: "not_loaded", advice: "partly_kept", ...again },
  missing_file: { title: "missing_file", advice: "missing_file_advice", ...again },
  damaged_file: { title: "damaged_file", advice: "damaged_file_advice", ...again },
  unknown_version: { title: "unknown_version", advice: "unknown_version_advice", ...again },
  prompt_too_long: {
    title: "too_long",
    advice: "too_long_advice",
    remedy: "new_chat",
    fatal: false,
  },
  empty_prompt: {
    title: "empty_prompt",
    advice: "empty_prompt_advice",
    remedy: "none",
    fatal: false,
  },
  bad_request: {
    title: "bad_request",
    advice: "bad_request_advice",
    remedy: "new_chat",
    fatal: false,
  },
  internal: { title: "internal", advice: "internal_advice", ...again },
};

export function explain(failure: Failure): Explanation {
  return EXPLANATIONS[failure.code];
}

const STAGES: Readonly<Record<LoadStage, TextKey>> = {
  manifest: "stage_manifest",
  weights: "stage_weights",
  kernels: "stage_kernels",
};

export function stageText(stage: LoadStage): string {
  return text(STAGES[stage]);
}

/** Below this the first measurements say too little to promise a time. */
const SETTLED_MS = 1500;

/** "12.3 MB of 30.1 MB · 41 % · 5 s left", as far as it is known. */
export function progressText(
  stage: LoadStage,
  done: number,
  total: number,
  elapsed: number,
): string {
  // Of the manifest's own files there is little, and no number of it says how far the model is.
  if (total <= 0 || stage === "manifest") return "";
  const pieces = [formatted(Math.floor((100 * done) / total) / 100, { style: "percent" })];
  if (stage === "weights") {
    pieces.unshift(text("part_of", { part: sizeText(done), whole: sizeText(total) }));
  }
  if (elapsed > SETTLED_MS && done > 0 && done < total) {
    pieces.push(text("time_left", { time: duration((elapsed * (total - done)) / done) }));
  }
  return pieces.join(" · ");
}

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  return seconds < 90
    ? formatted(seconds, { style: "unit", unit: "second" })
    : formatted(Math.ceil(seconds / 60), { style: "unit", unit: "minute" });
}

/** "4.3M parameters", as it is told of models. */
export function parametersText(count: number): string {
  const compact = formatted(count, { notation: "compact", maximumSignificantDigits: 2 });
  return text("parameters", { number: compact });
}

/** "Demo: 4.3M parameters · q4 · …", for the line under the message box. */
export function modelText(label: string, model: ModelSummary): string {
  const facts = [
    parametersText(model.parameters),
    model.quantisation,
    text("weights", { size: sizeText(model.weightBytes) }),
    text("kernels", { variant: model.variant }),
  ];
  const on = model.adapter === "" ? "" : ` (${model.adapter})`;
  return `${label}: ${facts.join(" · ")}${on}`;
}

export function speedText(tokensPerSecond: number, digits = 3): string {
  return text("speed", {
    number: formatted(tokensPerSecond, { maximumSignificantDigits: digits }),
  });
}

/** "12 tokens · 8.4 tokens/s · read 16, remembered 40 · 41 MB of GPU memory", under an answer. */
export function usageText(usage: Usage): string {
  const pieces = [text("tokens", { count: usage.completionTokens })];
  if (usage.completionTokens > 1) pieces.push(speedText(usage.tokensPerSecond));
  const read = text("read", { count: usage.promptTokens - usage.cachedTokens });
  const { cachedTokens } = usage;
  pieces.push(cachedTokens > 0 ? `${read}, ${text("remembered", { count: cachedTokens })}` : read);
  pieces.push(text("gpu_memory", { size: sizeText(usage.memoryBytes) }));
  return pieces.join(" · ");
}

/** What is said under an answer that did not come to its own end. */
export function endingNote(ending: Ending | null, usage: Usage | null): string {
  const count = usage === null ? 0 : usage.promptTokens + usage.completionTokens;
  switch (ending) {
    case "stop":
      return "";
    case null:
      return text("interrupted");
    case "cancelled":
      return text("stopped");
    case "full":
      return text("chat_full", { count });
    case "limit":
      return text("limit_reached");
    case "memory":
      return text("memory_full", { count });
  }
}
