import { Engine, type EngineOptions } from "../engine/engine.ts";
import { type CallCounts, since } from "../runtime/count_calls.ts";
import { WindowseatError } from "../runtime/failure.ts";
import type { FromEngine, GenerateRequest, ModelSummary, Sampling } from "../runtime/messages.ts";

/** What a check of a bundle asks for; a page and a Node process answer alike. */
export interface Commands {
  readonly load: (bundle: string, options: LoadChoice) => Promise<ModelSummary>;
  /** The logits after the whole prefill and after each forced token: base64 of f32, little endian. */
  readonly logits: (prefill: readonly number[], forced: readonly number[]) => Promise<string[]>;
  /** The likeliest ids after a prompt, stop tokens or not. */
  readonly greedy: (prompt: readonly number[], count: number) => Promise<number[]>;
  readonly generate: (
    request: GenerateRequest,
    emit: (message: FromEngine) => void,
  ) => Promise<void>;
  readonly stop: (id: number) => void;
  readonly bench: (promptLength: number, decodeTokens: number) => Promise<BenchResult>;
  readonly close: () => void;
}

export interface LoadChoice {
  readonly variant?: string | null | undefined;
  readonly context?: number | null | undefined;
}

export interface BenchResult {
  readonly promptTokens: number;
  readonly prefillMs: number;
  readonly decodeTokens: number;
  readonly decodeMs: number;
  readonly tokensPerSecond: number;
  readonly perToken: Readonly<CallCounts>;
}

const GREEDY: Sampling = { temperature: 0, top_k: 0, top_p: 1, seed: 0 };

/** The commands over one engine at a time. */
export function createCommands(
  optionsFor: (bundle: string) => Pick<EngineOptions, "gpu" | "fetch">,
): Commands {
  let engine: Engine | null = null;
  const loaded = (): Engine => {
    if (engine) return engine;
    throw new WindowseatError("bad_request", "No model is loaded; load one first.");
  };
  const close = (): void => {
    engine?.close();
    engine = null;
  };
  return {
    load: async (bundle, { variant, context }) => {
      close();
      engine = await Engine.load(bundle, {
        ...optionsFor(bundle),
        variant: variant ?? undefined,
        context: context ?? undefined,
        countCalls: true,
      });
      return engine.summary;
    },
    logits: (prefill, forced) => readLogits(loaded(), prefill, forced),
    greedy: (prompt, count) => decodeGreedily(loaded(), prompt, count),
    generate: (request, emit) => loaded().generate(request, emit),
    stop: (id) => loaded().stop(id),
    bench: (promptLength, decodeTokens) => bench(loaded(), promptLength, decodeTokens),
    close,
  };
}

async function readLogits(
  { model }: Engine,
  prefill: readonly number[],
  forced: readonly number[],
): Promise<string[]> {
  model.reset();
  await model.prefill(prefill, { sampling: GREEDY });
  const rows = [base64(await model.logits())];
  for (const token of forced) {
    await model.force(token);
    rows.push(base64(await model.logits()));
  }
  return rows;
}

async function decodeGreedily(
  { model }: Engine,
  prompt: readonly number[],
  count: number,
): Promise<number[]> {
  model.reset();
  const ids: number[] = [];
  const options = { sampling: GREEDY, maxTokens: count, stopTokens: [] };
  for await (const id of model.generate(prompt, options)) ids.push(id);
  return ids;
}

/** Times a run over ids that mean nothing; calls are counted between the second and the last token. */
async function bench(
  { model }: Engine,
  promptLength: number,
  decodeTokens: number,
): Promise<BenchResult> {
  if (!model.calls || decodeTokens < 3) {
    throw new WindowseatError("bad_request", "A benchmark takes 3 tokens or more; ask for those.");
  }
  const { vocabulary } = model.facts.manifest;
  const prompt = Array.from({ length: promptLength }, (_, i) => (i * 7919 + 11) % vocabulary);
  model.reset();
  const started = performance.now();
  let first = started;
  let before = { ...model.calls };
  let after = before;
  let count = 0;
  const options = { sampling: GREEDY, maxTokens: decodeTokens, stopTokens: [] };
  for await (const _ of model.generate(prompt, options)) {
    count += 1;
    if (count === 1) {
      first = performance.now();
      before = { ...model.calls };
    }
    // The last token needs no step of its own: its step was submitted before the one before it was read.
    if (count === decodeTokens - 1) after = { ...model.calls };
  }
  const decodeMs = performance.now() - first;
  const total = since(after, before);
  const steps = decodeTokens - 2;
  const each = (name: keyof CallCounts): number => total[name] / steps;
  return {
    promptTokens: promptLength,
    prefillMs: first - started,
    decodeTokens: count,
    decodeMs,
    tokensPerSecond: (1000 * (count - 1)) / decodeMs,
    perToken: {
      dispatches: each("dispatches"),
      passes: each("passes"),
      submits: each("submits"),
      writes: each("writes"),
      bindGroups: each("bindGroups"),
      buffers: each("buffers"),
      pipelines: each("pipelines"),
    },
  };
}

function base64(values: Float32Array<ArrayBuffer>): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  }
  return btoa(text);
}
