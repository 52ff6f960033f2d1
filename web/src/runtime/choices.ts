import { get, set } from "idb-keyval";

import { describeAdapter } from "./adapter.ts";
import { failureOf } from "./failure.ts";
import type { OpenBundle } from "./files.ts";
import type { Bundle } from "./format.ts";
import { findFile } from "./manifest.ts";
import { type Choice, fittingVariants, type VariantWish } from "./variants.ts";

/** What a choice depends on: another adapter, another browser or other kernels are timed anew. */
export function choiceKey(adapter: GPUAdapter, manifest: Bundle, { kvCache }: VariantWish): string {
  const plans = manifest.variants.map(({ plan }) => findFile(manifest, plan)?.sha256);
  const browser = globalThis.navigator?.userAgent ?? "";
  return ["windowseat-variant", describeAdapter(adapter), browser, kvCache, ...plans].join("|");
}

/** The variant that was asked for or was fastest here before, or all that are worth a trial. */
export async function choose(
  adapter: GPUAdapter,
  bundle: OpenBundle,
  context: number,
  wish: VariantWish,
  key: string,
): Promise<readonly [Choice, ...Choice[]]> {
  const known = wish.variant ?? (await recallChoice(key));
  const isThere = bundle.manifest.variants.some(({ name }) => name === known);
  if (wish.variant === undefined && isThere) {
    try {
      return await fittingVariants(adapter, bundle, context, { ...wish, variant: known });
    } catch (error) {
      // It fitted once and does not now: then all are looked at again.
      if (failureOf(error).code !== "adapter_too_small") throw error;
    }
  }
  return await fittingVariants(adapter, bundle, context, wish);
}

/** The name of the variant that was fastest here, if that was measured before and this window may know it. */
async function recallChoice(key: string): Promise<string | undefined> {
  if (globalThis.indexedDB === undefined) return undefined;
  const name: unknown = await get(key).catch(() => undefined);
  return typeof name === "string" ? name : undefined;
}

/** Keeps the name for the next load; a window that may keep nothing measures again. */
export async function keepChoice(key: string, name: string): Promise<void> {
  if (globalThis.indexedDB !== undefined) await set(key, name).catch(() => {});
}
