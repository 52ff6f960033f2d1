import { describeAdapter, isSoftware } from "../runtime/adapter.ts";

/** What the browser tells of the device that models would run on; null where it keeps that to itself. */
export interface Device {
  /** Whether this page can ask for an adapter at all. */
  readonly webgpu: boolean;
  readonly adapter: Adapter | null;
  /** Bytes of memory, roughly; browsers say no more than 8 or 32 GB. */
  readonly memory: number | null;
  /** Bytes that this site may still store. */
  readonly room: number | null;
}

/** What WebGPU offers. */
export interface Adapter {
  readonly name: string;
  readonly vendor: string;
  /** Whether it computes on the CPU. */
  readonly software: boolean;
  readonly features: readonly string[];
  readonly limit: (name: string) => number | undefined;
}

export async function readDevice(): Promise<Device> {
  const [adapter, { quota, usage }] = await Promise.all([
    readAdapter(),
    navigator.storage?.estimate?.() ?? {},
  ]);
  const gigabytes: unknown = Reflect.get(navigator, "deviceMemory");
  return {
    webgpu: navigator.gpu !== undefined,
    adapter,
    memory: typeof gigabytes === "number" ? gigabytes * 2 ** 30 : null,
    room: quota === undefined ? null : quota - (usage ?? 0),
  };
}

async function readAdapter(): Promise<Adapter | null> {
  const found = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!found) return null;
  return {
    name: describeAdapter(found),
    vendor: found.info.vendor,
    software: isSoftware(found.info),
    features: [...found.features],
    limit: (name) => {
      const value: unknown = Reflect.get(found.limits, name);
      return typeof value === "number" ? value : undefined;
    },
  };
}
