import { isSoftware } from "./adapter.ts";
import { bestFirst } from "./best_first.ts";
import { mib, WindowseatError } from "./failure.ts";
import type { OpenBundle } from "./files.ts";
import type { Bundle, Plan, Variant } from "./format.ts";
import { allocated, parsePlan } from "./plan.ts";
import { snapshotBytes } from "./snapshots.ts";

/** What the device is asked for, and the plan it is asked for. */
export interface Choice {
  readonly variant: Variant;
  readonly plan: Plan;
  readonly limits: Readonly<Record<string, number>>;
  /** Tokens that a conversation may hold: as many as wanted, or as a binding on this adapter has room for. */
  readonly context: number;
}

/** Best guess first. */
export type Choices = readonly [Choice, ...Choice[]];

/** How keys and values are stored: as exactly as the variant computes, or in 8 bits. */
export type KvChoice = "full" | "q8";

/** What a person may ask of the variant that is chosen. */
export interface VariantWish {
  readonly variant?: string | undefined;
  readonly kvCache?: KvChoice | undefined;
}

/** The limits that follow from the sizes of buffers, which grow with the context. */
const SIZE_LIMITS: readonly string[] = ["maxBufferSize", "maxStorageBufferBindingSize"];

/**
 * The variants that this adapter can run and that only a trial can tell apart, best guess first.
 *
 * They are of the same kind as the best one that fits: made for the same sort of adapter, with the same numbers in the
 * KV cache. A variant that was asked for by name stands alone.
 */
export async function fittingVariants(
  adapter: GPUAdapter,
  bundle: OpenBundle,
  context: number,
  wish: VariantWish = {},
): Promise<Choices> {
  const { name } = bundle.manifest;
  const fitting: Choice[] = [];
  let shortfall = "";
  for (const variant of candidates(bundle.manifest, isSoftware(adapter.info), wish)) {
    const best = fitting[0]?.variant;
    if (best && (variant.software !== best.software || variant.kv_cache !== best.kv_cache))
      continue;
    const lacks = firstShortfall(adapter, variant.features, fixedLimits(variant));
    if (lacks !== "") {
      shortfall = lacks;
      continue;
    }
    const plan = parsePlan(
      new TextDecoder().decode(await bundle.read(variant.plan)),
      `${name}/${variant.plan}`,
    );
    const sizes = sizesOf(bundle, plan);
    const room = sizeLimits(adapter, sizes, context);
    const short = firstShortfall(adapter, [], room);
    if (short !== "") {
      shortfall = short;
      continue;
    }
    const positions = Math.floor(room.maxStorageBufferBindingSize / sizes.perPosition);
    fitting.push({
      variant,
      plan,
      limits: { ...fixedLimits(variant), ...room },
      context: sizes.perPosition > 0 ? Math.min(context, positions) : context,
    });
  }
  const [best, ...others] = fitting;
  if (best) return [best, ...others];
  throw new WindowseatError(
    "adapter_too_small",
    `${name} does not run on this GPU: ${shortfall}; pick a smaller model.`,
  );
}

/** Best first; a variant that is asked for by name is taken on any adapter. */
function candidates(
  { name, variants }: Bundle,
  software: boolean,
  { variant: wanted, kvCache }: VariantWish,
): readonly Variant[] {
  const kv = kvCache ?? (wanted === undefined ? "full" : undefined);
  const fitting = variants.filter(
    (variant) =>
      (wanted === undefined || variant.name === wanted) &&
      (kv === undefined || (variant.kv_cache === "q8") === (kv === "q8")),
  );
  if (fitting.length === 0) {
    const names = variants.map((variant) => `${variant.name} (${variant.kv_cache})`).join(", ");
    const wish = [wanted, kvCache && `with its KV cache in ${kvCache}`].filter(Boolean).join(" ");
    throw new WindowseatError(
      "bad_request",
      `${name} has no variant ${wish}; ask for one of ${names}.`,
    );
  }
  return wanted === undefined ? bestFirst(fitting, software) : fitting;
}

function fixedLimits(variant: Variant): Record<string, number> {
  return Object.fromEntries(
    Object.entries(variant.limits).filter(([name]) => !SIZE_LIMITS.includes(name)),
  );
}

/** Bytes that a plan's largest buffers take. */
interface Sizes {
  /** Of those that are bound whole, with one position of context. */
  readonly bound: number;
  /** Of a snapshot, which is only copied. */
  readonly snapshot: number;
  readonly perPosition: number;
}

function sizesOf(bundle: OpenBundle, { buffers }: Plan): Sizes {
  const tensors = bundle.manifest.weights.tensors.map(({ bytes }) => bytes);
  const least = buffers.map((buffer) => allocated(buffer, 1));
  return {
    bound: Math.max(...tensors, ...least),
    snapshot: snapshotBytes(buffers),
    perPosition: Math.max(...buffers.map((buffer) => buffer.bytes_per_position)),
  };
}

/** As much as the context could need, if the adapter offers it; if it offers less, that costs context. */
function sizeLimits(
  adapter: GPUAdapter,
  { bound, snapshot, perPosition }: Sizes,
  context: number,
): { readonly maxBufferSize: number; readonly maxStorageBufferBindingSize: number } {
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const wanted = Math.min(perPosition * context, maxBufferSize, maxStorageBufferBindingSize);
  return {
    maxBufferSize: Math.max(bound, snapshot, wanted),
    maxStorageBufferBindingSize: Math.max(bound, wanted),
  };
}

/** What the adapter lacks, as "it allows X, the model needs Y"; empty when it lacks nothing. */
function firstShortfall(
  adapter: GPUAdapter,
  features: readonly string[],
  limits: Readonly<Record<string, number>>,
): string {
  const missing = features.find((feature) => !adapter.features.has(feature));
  if (missing !== undefined) return `the GPU does not have the feature ${missing}`;
  for (const [name, need] of Object.entries(limits)) {
    const have: unknown = Reflect.get(adapter.limits, name);
    if (typeof have !== "number") return `the browser does not know the limit ${name}`;
    const show = SIZE_LIMITS.includes(name) ? mib : String;
    if (have < need) return `its ${name} is ${show(have)} and ${show(need)} are needed`;
  }
  return "";
}
