import { WindowseatError } from "../runtime/failure.ts";
import { type OpenBundle, type OpenOptions, openBundle } from "../runtime/files.ts";
import type { Bundle } from "../runtime/format.ts";
import type { LoadOptions } from "../runtime/load.ts";
import type { LoadStage, ModelSummary } from "../runtime/messages.ts";
import { Model } from "../runtime/model.ts";
import { together } from "../runtime/together.ts";
import { type ChatTemplate, createChatTemplate } from "./chat_template.ts";
import { createTokenizer, type Tokenizer } from "./tokenizer.ts";

export interface EngineOptions extends Omit<LoadOptions, "onIdle">, OpenOptions {
  readonly signal?: AbortSignal | undefined;
}

interface TextSide {
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
}

/** What an engine is made of. */
export interface Parts extends TextSide {
  readonly model: Model;
  readonly summary: ModelSummary;
}

/** Loads the bundle in a folder: its manifest, then its text side while its model comes onto the GPU. */
export async function loadParts(folder: string, options: EngineOptions): Promise<Parts> {
  const { signal } = options;
  const stages = startStages(options.onProgress);
  try {
    stages.onProgress("manifest", 0, 1);
    const bundle = await openBundle(folder, options);
    stages.onProgress("manifest", 1, 1);
    let loaded = false;
    try {
      const { model, text } = await loadSides(bundle, {
        ...options,
        onProgress: stages.onProgress,
      });
      loaded = true;
      return { model, ...text, summary: summarise(bundle, model, text, stages.times()) };
    } finally {
      await bundle.close(loaded);
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
    const message = `Loading the model from ${folder} was cancelled; load it again to go on where it was.`;
    throw new WindowseatError("cancelled", message, { cause: error });
  }
}

async function loadSides(
  bundle: OpenBundle,
  options: EngineOptions,
): Promise<{ readonly model: Model; readonly text: TextSide }> {
  const sides: { model?: Model; text?: TextSide } = {};
  let onIdle = (): void => {};
  const idle = new Promise<void>((resolve) => {
    onIdle = resolve;
  });
  try {
    await together(options.signal, [
      async (signal) => {
        sides.model = await Model.load(bundle, { ...options, signal, onIdle });
      },
      async (signal) => {
        const make = await readTextSide(bundle, signal);
        // A large vocabulary keeps this thread for a third of a second, in which the GPU's process can compile or run.
        await idle;
        sides.text = make();
      },
    ]);
  } catch (error) {
    sides.model?.close();
    throw error;
  }
  const { model, text } = sides;
  if (!model || !text) throw new WindowseatError("internal", "A side of the model is missing.");
  return { model, text };
}

/** Reads the files of the text side, and gives what makes it of them. */
async function readTextSide(bundle: OpenBundle, signal: AbortSignal): Promise<() => TextSide> {
  const text = async (path: string): Promise<string> =>
    new TextDecoder().decode(await bundle.read(path, { signal }));
  const [tokenizer, config, template] = await Promise.all([
    text("tokenizer.json"),
    bundle.has("tokenizer_config.json") ? text("tokenizer_config.json") : null,
    text("chat_template.jinja"),
  ]);
  return () => ({
    tokenizer: createTokenizer(tokenizer, config),
    template: createChatTemplate(template, config),
  });
}

type Times = Pick<ModelSummary, "loadMs" | "stageMs">;

/** Times the stages of a load: each ends where the next one reports for the first time. */
function startStages(onProgress: LoadOptions["onProgress"] = () => {}): {
  readonly onProgress: NonNullable<LoadOptions["onProgress"]>;
  readonly times: () => Times;
} {
  const started = performance.now();
  const stageMs = { manifest: 0, weights: 0, kernels: 0 };
  let stage: LoadStage = "manifest";
  let since = started;
  const enter = (next: LoadStage): void => {
    const now = performance.now();
    stageMs[stage] += now - since;
    stage = next;
    since = now;
  };
  return {
    onProgress: (next, done, total) => {
      if (next !== stage) enter(next);
      onProgress(next, done, total);
    },
    times: () => {
      enter(stage);
      return { loadMs: since - started, stageMs: { ...stageMs } };
    },
  };
}

/** The beginning of the SHA-256 of a variant's plan. */
function planHash({ variants, files }: Bundle, variant: string): string {
  const path = variants.find(({ name }) => name === variant)?.plan;
  return files.find((file) => file.path === path)?.sha256.slice(0, 8) ?? "";
}

function summarise(
  bundle: OpenBundle,
  model: Model,
  { template }: TextSide,
  times: Times,
): ModelSummary {
  const { manifest, variant, context, adapter } = model.facts;
  return {
    name: manifest.name,
    source: manifest.model.source,
    parameters: manifest.model.parameters,
    quantisation: manifest.quantisation,
    variant,
    plan: planHash(manifest, variant),
    vocabulary: manifest.vocabulary,
    context,
    adapter,
    weightBytes: manifest.weights.bytes,
    thinks: template.thinks,
    toolCalls: template.callForm,
    ...times,
    ...bundle.traffic(),
    notKept: bundle.notKept(),
  };
}
