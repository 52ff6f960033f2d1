import { WindowseatError } from "./failure.ts";
import type { OpenBundle } from "./files.ts";
import type { TensorRange } from "./format.ts";
import { together } from "./together.ts";

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

/** Fills the buffers of the tensors from the bundle's checked shards. */
export async function fillWeights(
  device: GPUDevice,
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
    const memory = new Uint8Array(Math.min(shard_bytes, total));
    for (let i = next++; i < shards.length; i = next++) {
      const path = shards[i];
      if (path === undefined) return;
      const shard = await bundle.read(path, { signal: shared, onBytes, into: memory });
      await shardBudget.hold(async () => {
        writePieces(device, buffers, shard, piecesOf(tensors, i * shard_bytes, shard.byteLength));
        // The queue copies what it is given, and has the copy until then.
        await device.queue.onSubmittedWorkDone();
      });
    }
  };
  const lane = (shared: AbortSignal) => shardBudget.hold(() => fillLane(shared));
  await together(signal, Array<typeof lane>(Math.min(LANES, shards.length)).fill(lane));
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

function writePieces(
  device: GPUDevice,
  buffers: ReadonlyMap<string, GPUBuffer>,
  shard: Uint8Array<ArrayBuffer>,
  pieces: readonly Piece[],
): void {
  for (const { tensor, fromShard, toTensor, bytes } of pieces) {
    const buffer = buffers.get(tensor.name);
    if (!buffer) throw new WindowseatError("internal", `no buffer for the tensor ${tensor.name}.`);
    device.queue.writeBuffer(buffer, toTensor, shard, fromShard, bytes);
  }
}
