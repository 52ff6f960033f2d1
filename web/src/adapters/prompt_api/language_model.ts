import type { LoadOptions } from "../../api/engine.ts";
import type { Message } from "../../api/types.ts";
import { notSupported, QuotaExceeded } from "./errors.ts";
import { messagesOf } from "./input.ts";
import { LanguageModelSession } from "./session.ts";
import { createEngineSource } from "./source.ts";
import type {
  Availability,
  CreateCoreOptions,
  CreateOptions,
  PromptEngine,
  SamplingMode,
} from "./types.ts";
import { countTurns, windowOf } from "./window.ts";

export type { LanguageModelSession } from "./session.ts";
export type * from "./types.ts";

/** What `temperature` and `topK` may be. */
export interface LanguageModelParams {
  readonly defaultTopK: number;
  readonly maxTopK: number;
  readonly defaultTemperature: number;
  readonly maxTemperature: number;
}

const PARAMS: LanguageModelParams = {
  defaultTopK: 40,
  maxTopK: 128,
  defaultTemperature: 1,
  maxTemperature: 2,
};

const TEMPERATURES: Readonly<Record<SamplingMode, number>> = {
  "most-predictable": 0,
  predictable: 0.4,
  balanced: 1,
  creative: 1.2,
  "most-creative": 1.5,
};

/** The static side of the browser's `LanguageModel`. */
export interface LanguageModelApi {
  /** Whether there is a model for such a session, or what has to come first. */
  availability(options?: CreateCoreOptions): Promise<Availability>;
  /** A new conversation; the first one loads the model. */
  create(options?: CreateOptions): Promise<LanguageModelSession>;
  params(): Promise<LanguageModelParams | null>;
}

/**
 * The browser's Prompt API over a model of ours: `globalThis.LanguageModel ??= promptApi((options) =>
 * Windowseat.load("models/demo/", options))`. The model loads once, when the first session is created; all sessions share it.
 */
export function promptApi(
  load: (options: Pick<LoadOptions, "onProgress" | "signal">) => Promise<PromptEngine>,
): LanguageModelApi {
  const source = createEngineSource(load);
  return {
    availability: async (options = {}) => {
      checkLanguages(options);
      return isTextOnly(options) ? source.availability() : "unavailable";
    },
    create: async (options = {}) => {
      checkLanguages(options);
      const sampling = samplingOf(options);
      const initial = options.initialPrompts ? messagesOf(options.initialPrompts, false) : [];
      if (!isTextOnly(options)) throw notSupported("The model reads and writes text alone.");
      const { signal, tools = [] } = options;
      signal?.throwIfAborted();
      const engine = await source.engine(options);
      const usage = await measure(engine, initial, tools);
      signal?.throwIfAborted();
      const session = new LanguageModelSession({
        engine,
        conversation: engine.session(),
        ...sampling,
        tools,
        initial,
        turns: [],
        usage,
      });
      signal?.addEventListener("abort", () => session.destroy(signal.reason), { once: true });
      return session;
    },
    params: async () => (source.availability() === "unavailable" ? null : PARAMS),
  };
}

async function measure(
  engine: PromptEngine,
  initial: readonly Message[],
  tools: CreateOptions["tools"],
): Promise<number> {
  const [usage, window] = [await countTurns(engine, [initial], tools), windowOf(engine)];
  if (usage <= window) return usage;
  throw new QuotaExceeded(usage === Number.POSITIVE_INFINITY ? null : usage, window);
}

function isTextOnly({ expectedInputs = [], expectedOutputs = [] }: CreateCoreOptions): boolean {
  return [...expectedInputs, ...expectedOutputs].every(({ type }) => type === "text");
}

/** Throws a RangeError for what is no BCP 47 tag. */
function checkLanguages({ expectedInputs = [], expectedOutputs = [] }: CreateCoreOptions): void {
  for (const { languages = [] } of [...expectedInputs, ...expectedOutputs]) {
    Intl.getCanonicalLocales([...languages]);
  }
}

function samplingOf({ samplingMode, temperature, topK }: CreateCoreOptions): {
  readonly samplingMode: SamplingMode | null;
  readonly temperature: number;
  readonly topK: number;
} {
  if (temperature === undefined && topK === undefined) {
    const mode = samplingMode ?? "balanced";
    if (!(mode in TEMPERATURES))
      throw new TypeError(`There is no samplingMode ${JSON.stringify(mode)}.`);
    return { samplingMode: mode, temperature: TEMPERATURES[mode], topK: PARAMS.defaultTopK };
  }
  if (samplingMode !== undefined) {
    throw new TypeError("Give a samplingMode, or temperature and topK, and not both.");
  }
  return {
    samplingMode: null,
    temperature: clamped(
      "temperature",
      temperature ?? PARAMS.defaultTemperature,
      0,
      PARAMS.maxTemperature,
    ),
    topK: Math.floor(clamped("topK", topK ?? PARAMS.defaultTopK, 1, PARAMS.maxTopK)),
  };
}

function clamped(name: string, value: number, least: number, most: number): number {
  if (value >= least) return Math.min(value, most);
  throw new RangeError(`${name} is ${value}; give ${least} or more.`);
}
