import { type AdapterFacts, describe, timeSteps } from "../bench/ceilings.ts";
import { measureRun, type Profile, profileRun, type Run } from "../bench/run.ts";
import { type Tap, tapGpu } from "../bench/tap.ts";
import { Engine } from "../engine/engine.ts";
import { WindowseatError } from "../runtime/failure.ts";
import type { ModelSummary } from "../runtime/messages.ts";
import type { Model } from "../runtime/model.ts";
import type { Fetch } from "../runtime/receive.ts";
import { GREEDY } from "../runtime/sampling.ts";

/** What a check of a bundle asks for; a page and a Node process answer alike. */
export interface Commands {
  readonly load: (bundle: string, options: LoadChoice) => Promise<ModelSummary>;
  /** The logits after the whole prefill and after each forced token: base64 of f32, little endian. */
  readonly logits: (prefill: readonly number[], forced: readonly number[]) => Promise<string[]>;
  /** The likeliest ids after a prompt, stop tokens or not. */
  readonly greedy: (prompt: readonly number[], count: number) => Promise<number[]>;
  /** The adapter that a model would run on. */
  readonly adapter: () => Promise<AdapterFacts>;
  /** Milliseconds of a launch of each step of a plan's prefill: several samples of each. */
  readonly time: (plan: string) => Promise<{ readonly samples: number[][] }>;
  /** Reads a prompt of so many tokens and decodes, at most for so long. */
  readonly bench: (prompt: number, decode: number, decodeMs?: number) => Promise<Run>;
  /** GPU time by kernel. */
  readonly profile: (prompt: number, decode: number) => Promise<Profile>;
}

export interface LoadChoice {
  readonly variant?: string | null | undefined;
  readonly context?: number | null | undefined;
}

/** The commands over one engine at a time; `fetchFor` says how a bundle's files are read, if not over the network. */
export function createCommands(
  gpu: GPU | undefined,
  fetchFor: (bundle: string) => Fetch | undefined,
): Commands {
  const tap = gpu && tapGpu(gpu);
  let engine: Engine | null = null;
  const loaded = (): { model: Model; tap: Tap } => {
    if (engine && tap) return { model: engine.model, tap };
    throw new WindowseatError("bad_request", "No model is loaded; load one first.");
  };
  return {
    load: async (bundle, { variant, context }) => {
      engine?.close();
      engine = null;
      engine = await Engine.load(bundle, {
        gpu: tap?.gpu,
        fetch: fetchFor(bundle),
        variant: variant ?? undefined,
        context: context ?? undefined,
      });
      return engine.summary;
    },
    logits: (prefill, forced) => readLogits(loaded().model, prefill, forced),
    greedy: (prompt, count) => decodeGreedily(loaded().model, prompt, count),
    adapter: () => describe(gpu),
    time: async (plan) => ({ samples: await timeSteps(gpu, plan) }),
    bench: async (prompt, decode, decodeMs = Number.POSITIVE_INFINITY) => {
      const { model, tap } = loaded();
      return await measureRun(model, tap, prompt, decode, decodeMs);
    },
    profile: async (prompt, decode) => {
      const { model, tap } = loaded();
      return await profileRun(model, tap, prompt, decode);
    },
  };
}

async function readLogits(
  model: Model,
  prefill: readonly number[],
  forced: readonly number[],
): Promise<string[]> {
  model.first.reset();
  await model.first.prefill(prefill, { sampling: GREEDY });
  const rows = [base64(await model.first.logits())];
  for (const token of forced) {
    await model.first.force(token);
    rows.push(base64(await model.first.logits()));
  }
  return rows;
}

async function decodeGreedily(
  model: Model,
  prompt: readonly number[],
  count: number,
): Promise<number[]> {
  model.first.reset();
  const ids: number[] = [];
  const options = { sampling: GREEDY, maxTokens: count, stopTokens: [] };
  for await (const id of model.first.generate(prompt, options)) ids.push(id);
  return ids;
}

function base64(values: Float32Array<ArrayBuffer>): string {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  }
  return btoa(text);
}
