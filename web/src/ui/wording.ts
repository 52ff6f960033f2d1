import type { Failure, FailureCode, LoadStage, ModelSummary, Usage } from "../runtime/messages.ts";

/** What a person can do about a failure, besides reading about it. */
export type Remedy = "try_again" | "new_chat" | "none";

interface Explanation {
  readonly title: string;
  /** What the engine's own sentence, shown above it, does not say: it knows the files, not the reader. */
  readonly advice: string;
  readonly remedy: Remedy;
  /** Whether the engine is gone and the model must be loaded again before the next question. */
  readonly fatal: boolean;
}

const EXPLANATIONS: Readonly<Record<FailureCode, Explanation>> = {
  no_webgpu: {
    title: "This browser has no WebGPU",
    advice:
      "The model would run on your own graphics card, which this page reaches through WebGPU only.",
    remedy: "none",
    fatal: true,
  },
  no_adapter: {
    title: "WebGPU finds no graphics card here",
    advice: "The model would run on your own graphics card, so the page needs one.",
    remedy: "try_again",
    fatal: true,
  },
  adapter_too_small: {
    title: "This model is too large for this graphics card",
    advice: "On a device with more graphics memory this page runs as it is.",
    remedy: "none",
    fatal: true,
  },
  device_lost: {
    title: "The graphics card stopped answering",
    advice: "This happens when memory runs short or a driver restarts. Your chat is kept.",
    remedy: "try_again",
    fatal: true,
  },
  network: {
    title: "The model could not be fetched",
    advice: "What has come of it is kept: trying again goes on from there.",
    remedy: "try_again",
    fatal: true,
  },
  cancelled: {
    title: "The model was not loaded",
    advice: "What has come of it is kept: trying again goes on from there.",
    remedy: "try_again",
    fatal: true,
  },
  missing_file: {
    title: "A file of the model did not arrive",
    advice:
      "Check the connection and try again. If that does not help, tell whoever runs this site.",
    remedy: "try_again",
    fatal: true,
  },
  damaged_file: {
    title: "A file of the model is damaged",
    advice: "Nothing was run from it. If trying again does not help, tell whoever runs this site.",
    remedy: "try_again",
    fatal: true,
  },
  unknown_version: {
    title: "This model and this page do not fit together",
    advice: "Reload the page. If that does not help, tell whoever runs this site.",
    remedy: "try_again",
    fatal: true,
  },
  prompt_too_long: {
    title: "This no longer fits into the chat",
    advice: "Your message is back in the box below, for a new chat or a shorter try.",
    remedy: "new_chat",
    fatal: false,
  },
  empty_prompt: {
    title: "There is nothing to answer",
    advice: "The message box is below.",
    remedy: "none",
    fatal: false,
  },
  bad_request: {
    title: "The model could not take this message",
    advice: "Your message is back in the box below.",
    remedy: "new_chat",
    fatal: false,
  },
  internal: {
    title: "Something went wrong in the page itself",
    advice: "Your chat is kept. If this happens again, please report the sentence above.",
    remedy: "try_again",
    fatal: true,
  },
};

export function explain(failure: Failure): Explanation {
  return EXPLANATIONS[failure.code];
}

export const STAGE_NAMES: Readonly<Record<LoadStage, string>> = {
  manifest: "Looking at the model",
  weights: "Fetching the model",
  kernels: "Preparing the graphics card",
};

const MEGABYTE = 1e6;
/** Below this the first measurements say too little to promise a time. */
const SETTLED_MS = 1500;

/** "12.3 of 30.1 MB · 41 % · 5 s left", as far as it is known. */
export function progressText(
  stage: LoadStage,
  done: number,
  total: number,
  elapsed: number,
): string {
  if (total <= 0) return "";
  const pieces = [`${Math.floor((100 * done) / total)} %`];
  if (stage === "weights") {
    pieces.unshift(`${(done / MEGABYTE).toFixed(1)} of ${(total / MEGABYTE).toFixed(1)} MB`);
  }
  if (elapsed > SETTLED_MS && done > 0 && done < total) {
    pieces.push(`${duration((elapsed * (total - done)) / done)} left`);
  }
  return pieces.join(" · ");
}

function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 90) return `${seconds} s`;
  return `${Math.ceil(seconds / 60)} min`;
}

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 2 });

/** "demo: 4.3M parameters, q4, …", for the line under the message box. */
export function modelText(model: ModelSummary): string {
  const adapter = model.adapter === "" ? "" : ` on ${model.adapter}`;
  return (
    `${model.name}: ${compact.format(model.parameters)} parameters, ${model.quantisation}, ` +
    `${megabytes(model.weightBytes)} of weights, ${model.variant} kernels${adapter}.`
  );
}

function megabytes(bytes: number): string {
  const value = bytes / MEGABYTE;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} MB`;
}

/** "12 tokens · 8.4 tokens/s · read 16, remembered 40 · 41 MB of GPU memory", under an answer. */
export function usageText(usage: Usage): string {
  const pieces = [plural(usage.completionTokens, "token")];
  if (usage.completionTokens > 1) pieces.push(`${usage.tokensPerSecond.toFixed(1)} tokens/s`);
  const remembered = usage.cachedTokens > 0 ? `, remembered ${usage.cachedTokens}` : "";
  pieces.push(`read ${usage.promptTokens - usage.cachedTokens}${remembered}`);
  pieces.push(`${megabytes(usage.memoryBytes)} of GPU memory`);
  return pieces.join(" · ");
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
