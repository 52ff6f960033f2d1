import { WindowseatError } from "./failure.ts";
import type { OpenBundle } from "./files.ts";
import type { TensorRange } from "./format.ts";
import type { Gpu } from "./gpu.ts";
import { togetherToTheEnd } from "./together.ts";

/** Shards that are fetched or read at once: fewer than there are places in memory, for the copies need one as well. */
const LANES = 3;

/** A piece of a tensor inside of one shard. */
interface Piece {
  readonly tensor: TensorRange;
  readonly fromShard: number;
  readonly toTensor: number;
  readonly bytes: number;
}

export interface WeightOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** One empty GPU buffer for each tensor of the bundle. */
export function createWeights(
  device: GPUDevice,
  tensors: readonly TensorRange[],
): ReadonlyMap<string, GPUBuffer> {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  return new Map(
    tensors.map(({ name, bytes }) => [
      name,
      device.createBuffer({ label: name, size: bytes, usage }),
    ]),
  );
}

/**
 * Fills the buffers of the tensors from the bundle's checked shards.
 *
 * Files come into memory of the GPU's that is mapped here, and the GPU copies from there: `writeBuffer` would copy
 * every byte once more in this thread.
 */
export async function fillWeights(
  gpu: Gpu,
  bundle: OpenBundle,
  buffers: ReadonlyMap<string, GPUBuffer>,
  { signal, onProgress = () => {} }: WeightOptions = {},
): Promise<void> {
  const { bytes: total, shards, shard_bytes, tensors } = bundle.manifest.weights;
  let done = 0;
  let next = 0;
  const onBytes = (count: number): void => {
    done += count;
    onProgress(done, total);
  };
  const { shardBudget } = bundle;
  const fillLane = async (shared: AbortSignal): Promise<void> => {
    const staging = await createStaging(gpu, Math.min(shard_bytes, total));
    try {
      for (let i = next++; i < shards.length; i = next++) {
        const path = shards[i];
        if (path === undefined) return;
        const into = new Uint8Array(staging.getMappedRange());
        const { byteLength } = await bundle.read(path, { signal: shared, onBytes, into });
        const pieces = piecesOf(tensors, i * shard_bytes, byteLength);
        // The bytes are in two places from here on until the GPU has copied them.
        await shardBudget.hold(async () => {
          staging.unmap();
          copyPieces(gpu.device, staging, buffers, pieces);
          await gpu.settled(staging.mapAsync(GPUMapMode.WRITE));
        });
      }
    } finally {
      staging.destroy();
    }
  };
  const lane = (shared: AbortSignal) => shardBudget.hold(() => fillLane(shared));
  // A lane that still reads does so into memory that is taken away with the device.
  await togetherToTheEnd(signal, Array<typeof lane>(Math.min(LANES, shards.length)).fill(lane));
}

/** A buffer that is mapped for writing, to copy from. */
async function createStaging(gpu: Gpu, bytes: number): Promise<GPUBuffer> {
  const size = 4 * Math.ceil(bytes / 4);
  const usage = GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC;
  try {
    return await gpu.guarded("allocating memory to load through", () =>
      gpu.device.createBuffer({ label: "staging", size, usage, mappedAtCreation: true }),
    );
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new WindowseatError(
      "adapter_too_small",
      `This page has no memory left to load through (${error.message}); close other pages, or pick a smaller model.`,
    );
  }
}

function piecesOf(tensors: readonly TensorRange[], start: number, length: number): Piece[] {
  const pieces: Piece[] = [];
  for (const tensor of tensors) {
    const from = Math.max(tensor.offset, start);
    const to = Math.min(tensor.offset + tensor.bytes, start + length);
    if (from < to) {
      const piece = { fromShard: from - start, toTensor: from - tensor.offset, bytes: to - from };
      pieces.push({ tensor, ...piece });
    }
  }
  return pieces;
}

function copyPieces(
  device: GPUDevice,
  staging: GPUBuffer,
  buffers: ReadonlyMap<string, GPUBuffer>,
  pieces: readonly Piece[],
): void {
  const encoder = device.createCommandEncoder();
  for (const { tensor, fromShard, toTensor, bytes } of pieces) {
    const buffer = buffers.get(tensor.name);
    if (!buffer) throw new WindowseatError("internal", `no buffer for the tensor ${tensor.name}.`);
    encoder.copyBufferToBuffer(staging, fromShard, buffer, toTensor, bytes);
  }
  device.queue.submit([encoder.finish()]);
}
