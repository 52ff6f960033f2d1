import { mib, WindowseatError } from "./failure.ts";
import type { Gpu } from "./gpu.ts";

/** A range from a buffer's beginning that belongs to a conversation. */
export interface StatePart {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
}

/** Bytes that are on their way from the GPU at once, in each of two buffers. */
const STAGING_BYTES = 16 * 2 ** 20;

export function partBytes(parts: readonly StatePart[]): number {
  return parts.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Copies parts into others of the same sizes, on the GPU. */
export function copyParts(gpu: Gpu, from: readonly StatePart[], to: readonly StatePart[]): void {
  const encoder = gpu.device.createCommandEncoder();
  for (const [i, { buffer, bytes }] of from.entries()) {
    const target = to[i];
    if (target) encoder.copyBufferToBuffer(buffer, 0, target.buffer, 0, bytes);
  }
  gpu.device.queue.submit([encoder.finish()]);
}

/** Fills parts from bytes, in which they lie one behind the other. */
export function writeParts(
  gpu: Gpu,
  content: Uint8Array<ArrayBuffer>,
  parts: readonly StatePart[],
): void {
  let at = 0;
  for (const { buffer, bytes } of parts) {
    gpu.device.queue.writeBuffer(buffer, 0, content, at, bytes);
    at += bytes;
  }
}

/**
 * Reads parts into bytes, one behind the other: while one piece is read, the next is on its way.
 *
 * `spare` frees memory to read through, where there is none, as long as it gives true.
 */
export async function readParts(
  gpu: Gpu,
  parts: readonly StatePart[],
  content: Uint8Array<ArrayBuffer>,
  spare: () => Promise<boolean>,
): Promise<void> {
  const pieces: { readonly buffer: GPUBuffer; readonly from: number; readonly bytes: number }[] =
    [];
  for (const { buffer, bytes } of parts) {
    for (let from = 0; from < bytes; from += STAGING_BYTES) {
      pieces.push({ buffer, from, bytes: Math.min(STAGING_BYTES, bytes - from) });
    }
  }
  const size = Math.max(4, ...pieces.map(({ bytes }) => bytes));
  const staging = await createStaging(gpu, size, spare);
  try {
    const reads: Promise<void>[] = [];
    let at = 0;
    for (const [i, { buffer, from, bytes }] of pieces.entries()) {
      const slot = staging[i % 2];
      if (!slot) continue;
      await reads[i - 2];
      const encoder = gpu.device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, from, slot, 0, bytes);
      gpu.device.queue.submit([encoder.finish()]);
      const read = takePiece(slot, bytes, content.subarray(at, at + bytes));
      read.catch(() => {}); // it is waited for below
      reads.push(read);
      at += bytes;
    }
    await gpu.settled(Promise.all(reads));
  } finally {
    destroyAll(staging);
  }
}

/** Two buffers to read through in turn. */
async function createStaging(
  gpu: Gpu,
  size: number,
  spare: () => Promise<boolean>,
): Promise<readonly GPUBuffer[]> {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const create = () =>
    [0, 1].map(() => gpu.device.createBuffer({ label: "state read", size, usage }));
  for (;;) {
    const staging = await gpu.tried("reading a state", create, destroyAll);
    if (staging !== null) return staging;
    if (await spare()) continue;
    throw new WindowseatError(
      "adapter_too_small",
      `The GPU has no ${mib(2 * size)} of memory to read a conversation through; close another session, or other pages.`,
    );
  }
}

function destroyAll(buffers: readonly GPUBuffer[]): void {
  for (const buffer of buffers) buffer.destroy();
}

async function takePiece(
  slot: GPUBuffer,
  bytes: number,
  target: Uint8Array<ArrayBuffer>,
): Promise<void> {
  await slot.mapAsync(GPUMapMode.READ, 0, bytes);
  target.set(new Uint8Array(slot.getMappedRange(0, bytes)));
  slot.unmap();
}
