import { WindowseatError } from "./failure.ts";
import type { Choice } from "./variants.ts";

/** The GPU of this browser, or a failure that says which part of WebGPU is not there. */
export async function requestAdapter(gpu: GPU | undefined): Promise<GPUAdapter> {
  if (gpu === undefined) {
    const secure = globalThis.isSecureContext ?? true;
    throw new WindowseatError(
      "no_webgpu",
      secure
        ? "This browser has no WebGPU; use a current Chrome, Edge, Safari or Firefox."
        : "Browsers offer WebGPU only to secure pages; open this page over https or from localhost.",
    );
  }
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null) {
    throw new WindowseatError(
      "no_adapter",
      "This browser has WebGPU but offers no GPU for it; switch on hardware acceleration in its settings or update the graphics driver.",
    );
  }
  return adapter;
}

/** The device with exactly the features and limits that the choices need, so that it behaves alike everywhere. */
export async function requestDevice(
  adapter: GPUAdapter,
  choices: readonly Choice[],
): Promise<GPUDevice> {
  const isFeature = (name: string): name is GPUFeatureName => adapter.features.has(name);
  const requiredLimits: Record<string, number> = {};
  for (const [name, limit] of choices.flatMap(({ limits }) => Object.entries(limits))) {
    requiredLimits[name] = Math.max(limit, requiredLimits[name] ?? 0);
  }
  try {
    return await adapter.requestDevice({
      requiredFeatures: choices.flatMap(({ variant }) => variant.features).filter(isFeature),
      requiredLimits,
    });
  } catch (error) {
    const names = choices.map(({ variant }) => variant.name).join(", ");
    throw new WindowseatError(
      "no_adapter",
      `The GPU refused to open for the variant ${names} (${error}); close other pages that use it and reload.`,
      { cause: error },
    );
  }
}

/** Whether the adapter computes on the CPU, where other kernels are fast than on a GPU. */
export function isSoftware(
  info: Pick<GPUAdapterInfo, "vendor" | "architecture" | "description" | "isFallbackAdapter">,
): boolean {
  const said = `${info.vendor} ${info.architecture} ${info.description}`;
  return info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|basic render/i.test(said);
}

/** What the adapter calls itself; empty when the browser hides it. */
export function describeAdapter({ info }: GPUAdapter): string {
  return info.description || [info.vendor, info.architecture].filter(Boolean).join(" ");
}
