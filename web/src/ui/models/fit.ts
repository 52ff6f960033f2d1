import { bestFirst } from "../../runtime/best_first.ts";
import type { Device } from "../../site/device.ts";
import type { ModelChoice, VariantNeeds } from "../page_data.ts";

/** Whether a model runs on a device, as far as the browser tells of it. */
export type Fit =
  | { readonly kind: "fits"; readonly memory: number }
  /** It may run, but there is little memory left beside it, or none. */
  | { readonly kind: "tight"; readonly memory: number }
  | { readonly kind: "no_webgpu" }
  | { readonly kind: "no_adapter" }
  /** The adapter lacks a feature or a limit. */
  | { readonly kind: "too_small"; readonly lacks: string }
  /** It runs, but is fetched anew each time. */
  | { readonly kind: "no_room"; readonly memory: number };

/** Tokens of a chat that is worth having. */
const USUAL_CONTEXT = 4096;
/** The system and the browser need the rest. */
const SHARE_OF_MEMORY = 0.5;

/** `stored`: bytes of the model that the browser has already. */
export function fitOf(model: ModelChoice, device: Device, stored: number): Fit {
  const { adapter, memory, room } = device;
  if (adapter === null) return { kind: device.webgpu ? "no_adapter" : "no_webgpu" };
  let lacks = "";
  for (const variant of bestFirst(model.variants, adapter.software)) {
    const missing =
      variant.features.find((feature) => !adapter.features.includes(feature)) ??
      Object.keys(variant.limits).find(
        (name) => (adapter.limit(name) ?? 0) < (variant.limits[name] ?? 0),
      );
    if (missing === undefined) return withMemory(variant, model, { memory, room, stored });
    lacks = missing;
  }
  return { kind: "too_small", lacks };
}

function withMemory(
  { memory: needs }: VariantNeeds,
  { context, bytes }: ModelChoice,
  { memory, room, stored }: Pick<Device, "memory" | "room"> & { readonly stored: number },
): Fit {
  const taken = needs.weights + needs.fixed + needs.per_position * Math.min(context, USUAL_CONTEXT);
  if (memory !== null && taken > memory * SHARE_OF_MEMORY) return { kind: "tight", memory: taken };
  if (room !== null && bytes - stored > room) return { kind: "no_room", memory: taken };
  return { kind: "fits", memory: taken };
}
