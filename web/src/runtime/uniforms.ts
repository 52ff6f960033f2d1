import { WindowseatError } from "./failure.ts";
import type { PlanKernel, Scalar } from "./format.ts";

/** Offsets of uniform bindings are multiples of this on every adapter. */
const SLOT_ALIGNMENT = 256;

/** The values of one call, by the names that kernels know them under. */
export type ScalarValues = Record<Scalar, number>;

interface Entry {
  readonly scalar: Scalar;
  readonly at: number;
}

/** One uniform buffer with a slot for each distinct list of scalars; a call rewrites all of it at once. */
export interface UniformArena {
  readonly buffer: GPUBuffer;
  readonly offsets: ReadonlyMap<string, number>;
  readonly entries: readonly Entry[];
  readonly bytes: DataView<ArrayBuffer>;
}

export function createUniforms(device: GPUDevice, kernels: readonly PlanKernel[]): UniformArena {
  const offsets = new Map<string, number>();
  const entries: Entry[] = [];
  let size = 0;
  for (const { scalars } of kernels) {
    const key = slotKey(scalars);
    if (scalars.length === 0 || offsets.has(key)) continue;
    const offset = size;
    offsets.set(key, offset);
    scalars.forEach((scalar, i) => {
      entries.push({ scalar, at: offset + 4 * i });
    });
    size += Math.ceil(slotBytes(scalars) / SLOT_ALIGNMENT) * SLOT_ALIGNMENT;
  }
  const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  size = Math.max(size, SLOT_ALIGNMENT);
  const buffer = device.createBuffer({ label: "uniforms", size, usage });
  return { buffer, offsets, entries, bytes: new DataView(new ArrayBuffer(size)) };
}

/** The range of the arena that a kernel binds. */
export function uniformBinding(
  arena: UniformArena,
  scalars: readonly Scalar[],
): { buffer: GPUBuffer; offset: number; size: number } {
  const offset = arena.offsets.get(slotKey(scalars));
  if (offset === undefined) {
    throw new WindowseatError("internal", `the uniforms have no slot for ${slotKey(scalars)}.`);
  }
  return { buffer: arena.buffer, offset, size: slotBytes(scalars) };
}

/** Fills every slot from the values and sends them in one write. */
export function writeUniforms(
  device: GPUDevice,
  { buffer, entries, bytes }: UniformArena,
  values: Readonly<ScalarValues>,
): void {
  for (const { scalar, at } of entries) {
    const value = values[scalar];
    switch (scalar) {
      case "tokens":
      case "position":
      case "keep_at":
      case "top_k":
        bytes.setInt32(at, value, true);
        break;
      case "temperature":
      case "top_p":
      case "min_p":
      case "repetition_penalty":
      case "presence_penalty":
      case "frequency_penalty":
        bytes.setFloat32(at, value, true);
        break;
      case "seed":
      case "grid_limit":
        bytes.setUint32(at, value, true);
        break;
    }
  }
  device.queue.writeBuffer(buffer, 0, bytes.buffer);
}

function slotKey(scalars: readonly Scalar[]): string {
  return scalars.join();
}

/** WGSL rounds a uniform struct up to 16 bytes when it holds arrays or structs; binding that much is always enough. */
function slotBytes(scalars: readonly Scalar[]): number {
  return Math.ceil(scalars.length / 4) * 16;
}
