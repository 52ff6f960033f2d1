import { del, get, set } from "idb-keyval";

import { describeAdapter } from "./adapter.ts";
import { failureOf } from "./failure.ts";
import type { OpenBundle } from "./files.ts";
import type { Bundle } from "./format.ts";
import { findFile } from "./manifest.ts";
import { type Choices, fittingVariants, type VariantWish } from "./variants.ts";

/** What a choice depends on: another adapter, another browser or other kernels are timed anew. */
export function choiceKey(adapter: GPUAdapter, manifest: Bundle, { kvCache }: VariantWish): string {
  const plans = manifest.variants.map(({ plan }) => findFile(manifest, plan)?.sha256);
  const browser = globalThis.navigator?.userAgent ?? "";
  return ["windowseat-variant", describeAdapter(adapter), browser, kvCache, ...plans].join("|");
}

/** The variant that was fastest here before; null where that is not known, it no longer fits, or another is asked for. */
export async function recalledChoice(
  adapter: GPUAdapter,
  bundle: OpenBundle,
  context: number,
  wish: VariantWish,
  key: string,
): Promise<Choices | null> {
  if (wish.variant !== undefined) return null;
  const known = await recallName(key);
  if (!bundle.manifest.variants.some(({ name }) => name === known)) return null;
  try {
    return await fittingVariants(adapter, bundle, context, { ...wish, variant: known });
  } catch (error) {
    // It fitted once and does not now: then all are looked at again.
    if (failureOf(error).code !== "adapter_too_small") throw error;
    return null;
  }
}

/** Whether another variant may do where one failed: a driver that was updated rejects what it took, or memory is short. */
export function mayBeItsFault(error: unknown): boolean {
  return ["internal", "adapter_too_small"].includes(failureOf(error).code);
}

/** The name of the variant that was fastest here, if that was measured before and this window may know it. */
async function recallName(key: string): Promise<string | undefined> {
  if (globalThis.indexedDB === undefined) return undefined;
  const name: unknown = await get(key).catch(() => undefined);
  return typeof name === "string" ? name : undefined;
}

/** Keeps the name for the next load; a window that may keep nothing measures again. */
export async function keepChoice(key: string, name: string): Promise<void> {
  if (globalThis.indexedDB !== undefined) await set(key, name).catch(() => {});
}

/** Forgets it: the next load looks at all variants again. */
export async function forgetChoice(key: string): Promise<void> {
  if (globalThis.indexedDB !== undefined) await del(key).catch(() => {});
}
