import { Field } from "../runtime/fields.ts";
import { underPolicy } from "./page_policy.ts";
import { WidgetError } from "./panel_types.ts";

/** How the checkpoint wants its tokens drawn, as parameters of a request. */
export interface Sampling {
  readonly temperature: number;
  readonly top_p?: number;
  readonly top_k?: number;
  readonly min_p?: number;
  readonly repetition_penalty?: number;
}

export interface BundleFacts {
  /** Bytes that a first load fetches, or a little more. */
  readonly bytes: number;
  /** Tokens that a conversation may hold. */
  readonly context: number;
  readonly sampling: Sampling;
}

/** Reads the two small files of a bundle that say how large it is and how it wants to be used. */
export async function readFacts(bundle: string): Promise<BundleFacts> {
  const manifest = new Field("", await fetchJson(`${bundle}bundle.json`));
  const files = manifest.get("files").list((file) => ({
    path: file.get("path").text,
    bytes: file.get("bytes").integer(),
  }));
  const plans = manifest.get("variants").list((variant) => variant.get("plan").text);
  const sizeOf = (wanted: (path: string) => boolean): number[] =>
    files.filter(({ path }) => wanted(path)).map(({ bytes }) => bytes);
  const shared = sizeOf((path) => !plans.includes(path)).reduce((sum, bytes) => sum + bytes, 0);
  const settings = files.some(({ path }) => path === "generation_config.json")
    ? await fetchJson(`${bundle}generation_config.json`)
    : {};
  return {
    // Of the plans only one is fetched; which one, the engine finds out.
    bytes: shared + Math.max(...sizeOf((path) => plans.includes(path))),
    context: manifest.get("context").get("default").integer(),
    sampling: readSampling(new Field("generation_config", settings)),
  };
}

/** As transformers reads it: greedy unless it says do_sample, penalised anyway. */
function readSampling(settings: Field): Sampling {
  const number = (name: string): number | undefined => {
    const { value } = settings.get(name);
    return typeof value === "number" ? value : undefined;
  };
  const given = {
    top_p: number("top_p"),
    top_k: number("top_k"),
    min_p: number("min_p"),
  };
  const repetition_penalty = number("repetition_penalty");
  const penalty = repetition_penalty === undefined ? {} : { repetition_penalty };
  if (settings.get("do_sample").value !== true) return { temperature: 0, ...penalty };
  const present = Object.entries(given).filter(([, value]) => value !== undefined);
  return { temperature: number("temperature") ?? 1, ...Object.fromEntries(present), ...penalty };
}

async function fetchJson(address: string): Promise<unknown> {
  let response: Response;
  try {
    response = await underPolicy(address, () => fetch(address, { credentials: "omit" }));
  } catch (error) {
    if (error instanceof WidgetError) throw error;
    throw new WidgetError(
      "network",
      `${address} could not be fetched (${error}); check the connection.`,
    );
  }
  if (!response.ok) {
    throw new WidgetError(
      "missing_file",
      `${address} answered with status ${response.status}; check the element's attribute model.`,
    );
  }
  const parsed: unknown = await response.json();
  return parsed;
}
