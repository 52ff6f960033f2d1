import { mib, WindowseatError } from "./failure.ts";
import type { OpenBundle } from "./files.ts";
import type { Plan, Variant } from "./format.ts";
import { bufferBytes, parsePlan } from "./plan.ts";

/** What the device is asked for, and the plan it is asked for. */
export interface Choice {
  readonly variant: Variant;
  readonly plan: Plan;
  readonly limits: Readonly<Record<string, number>>;
}

/** The limits that grow with the context; the plan's buffers say how much. */
const SIZE_LIMITS = ["maxBufferSize", "maxStorageBufferBindingSize"];

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

/** The first variant for this kind of adapter that it can run at this context, or the one asked for. */
export async function chooseVariant(
  adapter: GPUAdapter,
  bundle: OpenBundle,
  context: number,
  wanted?: string,
): Promise<Choice> {
  const { name, variants } = bundle.manifest;
  const software = isSoftware(adapter.info);
  const exact = variants.filter((variant) => variant.kv_cache !== "q8");
  const candidates = wanted
    ? variants.filter((variant) => variant.name === wanted)
    : [
        ...exact.filter((variant) => variant.software && software),
        ...exact.filter((variant) => !variant.software),
      ];
  if (candidates.length === 0) {
    const names = variants.map((variant) => variant.name).join(", ");
    throw new WindowseatError(
      "bad_request",
      `${name} has no variant ${wanted}; ask for one of ${names}.`,
    );
  }
  let shortfall = "";
  for (const variant of candidates) {
    shortfall = firstShortfall(adapter, variant.features, fixedLimits(variant));
    if (shortfall !== "") continue;
    const plan = parsePlan(
      new TextDecoder().decode(await bundle.read(variant.plan)),
      `${name}/${variant.plan}`,
    );
    const limits = { ...fixedLimits(variant), ...sizeLimits(bundle, plan, context) };
    shortfall = firstShortfall(adapter, [], limits);
    if (shortfall === "") return { variant, plan, limits };
  }
  throw new WindowseatError(
    "adapter_too_small",
    `${name} does not run on this GPU with a context of ${context} tokens: ${shortfall}; pick a smaller model or a smaller context.`,
  );
}

/** The device with exactly the features and limits of the choice, so that it behaves alike everywhere. */
export async function requestDevice(
  adapter: GPUAdapter,
  { variant, limits }: Choice,
): Promise<GPUDevice> {
  const isFeature = (name: string): name is GPUFeatureName => adapter.features.has(name);
  try {
    return await adapter.requestDevice({
      requiredFeatures: variant.features.filter(isFeature),
      requiredLimits: { ...limits },
    });
  } catch (error) {
    throw new WindowseatError(
      "no_adapter",
      `The GPU refused to open for the variant ${variant.name} (${error}); close other pages that use it and reload.`,
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

function fixedLimits(variant: Variant): Record<string, number> {
  return Object.fromEntries(
    Object.entries(variant.limits).filter(([name]) => !SIZE_LIMITS.includes(name)),
  );
}

function sizeLimits(bundle: OpenBundle, plan: Plan, context: number): Record<string, number> {
  let largest = 0;
  for (const { bytes } of bundle.manifest.weights.tensors) largest = Math.max(largest, bytes);
  for (const buffer of plan.buffers) largest = Math.max(largest, bufferBytes(buffer, context));
  return Object.fromEntries(SIZE_LIMITS.map((name) => [name, largest]));
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
