import { WindowseatError } from "../runtime/failure.ts";
import type { Model } from "../runtime/model.ts";
import { GREEDY } from "../runtime/sampling.ts";
import { type CallCounts, countCalls } from "./count_calls.ts";
import { type KernelTime, type Method, profileKernels } from "./profile.ts";
import type { Tap } from "./tap.ts";

/** One run over a prompt that means nothing. Times are in milliseconds. */
export interface Run {
  readonly promptTokens: number;
  /** From the call to the first token. */
  readonly prefillMs: number;
  /** From each token to the next. */
  readonly tokenMs: readonly number[];
  /** Of that, what JavaScript takes: to encode and submit the step after. */
  readonly jsMs: readonly number[];
  readonly perToken: Readonly<CallCounts>;
  /** Bytes of GPU buffers afterwards. */
  readonly memoryBytes: number;
}

export interface Profile {
  readonly method: Method;
  readonly prefill: readonly KernelTime[];
  readonly decode: readonly KernelTime[];
}

/** Steps whose calls are counted, after the timed ones: counting would slow those down. */
const COUNTED = 2;

/** Reads a prompt and decodes after it, for at most `decodeMs`. */
export async function measureRun(
  model: Model,
  tap: Tap,
  promptTokens: number,
  decodeTokens: number,
  decodeMs: number,
): Promise<Run> {
  model.first.reset();
  // A step is submitted with the read of the token before it, so the last token comes without a step of its own.
  const maxTokens = decodeTokens + COUNTED + 1;
  const prompt = madeUpPrompt(model, promptTokens);
  const tokens = model.first.generate(prompt, { sampling: GREEDY, stopTokens: [], maxTokens });
  const started = performance.now();
  await tokens.next();
  const first = performance.now();
  const [tokenMs, jsMs]: [number[], number[]] = [[], []];
  for (let last = first; tokenMs.length + 1 < decodeTokens && last - first < decodeMs; ) {
    const asked = performance.now();
    // Runs up to its first wait, and by then the next step is submitted.
    const next = tokens.next();
    jsMs.push(performance.now() - asked);
    await next;
    const now = performance.now();
    tokenMs.push(now - last);
    last = now;
  }
  const counting = countCalls(openDevice(tap));
  for (let i = 0; i < COUNTED; i += 1) await tokens.next();
  counting.stop();
  await tokens.return("cancelled");
  return {
    promptTokens,
    prefillMs: first - started,
    tokenMs,
    jsMs,
    perToken: perToken(counting.counts),
    memoryBytes: tap.bytes,
  };
}

/** GPU time by kernel, of a whole prompt and of steps after it. */
export async function profileRun(
  model: Model,
  tap: Tap,
  promptTokens: number,
  decodeTokens: number,
): Promise<Profile> {
  const device = openDevice(tap);
  model.first.reset();
  const prefilling = profileKernels(device);
  await model.first.prefill(madeUpPrompt(model, promptTokens), { sampling: GREEDY });
  const prefill = await prefilling.stop();
  const decoding = profileKernels(device);
  for (const token of madeUpPrompt(model, decodeTokens)) await model.first.force(token);
  return { method: decoding.method, prefill, decode: await decoding.stop() };
}

function openDevice({ device }: Tap): GPUDevice {
  if (device) return device;
  throw new WindowseatError("internal", "The model opened no device that the benchmark saw.");
}

function madeUpPrompt({ facts }: Model, length: number): number[] {
  return Array.from({ length }, (_, i) => (i * 7919 + 11) % facts.manifest.vocabulary);
}

function perToken(counts: Readonly<CallCounts>): CallCounts {
  const each = (name: keyof CallCounts): number => counts[name] / COUNTED;
  return {
    dispatches: each("dispatches"),
    passes: each("passes"),
    submits: each("submits"),
    writes: each("writes"),
    bindGroups: each("bindGroups"),
    buffers: each("buffers"),
    pipelines: each("pipelines"),
  };
}
