import { WindowseatError } from "../runtime/failure.ts";

/** The most queries that WebGPU takes in a set; a pass needs two. */
const MOST = 4096;

/** Times of the passes of one command encoder, on the GPU's own clock. */
export class PassTimes {
  readonly #device: GPUDevice;
  readonly #queries: GPUQuerySet;
  #used = 0;
  #read: GPUBuffer | null = null;

  constructor(device: GPUDevice) {
    this.#device = device;
    this.#queries = device.createQuerySet({ type: "timestamp", count: MOST });
  }

  /** What the next pass must be begun with. */
  next(): GPUComputePassDescriptor {
    if (this.#used === MOST) {
      throw new WindowseatError(
        "internal",
        `More than ${MOST / 2} passes in one command encoder; time fewer of them.`,
      );
    }
    const at = this.#used;
    this.#used += 2;
    return {
      timestampWrites: {
        querySet: this.#queries,
        beginningOfPassWriteIndex: at,
        endOfPassWriteIndex: at + 1,
      },
    };
  }

  /** Records the end; comes after the last pass and before the encoder is finished. */
  resolve(encoder: GPUCommandEncoder): void {
    const size = Math.max(8, 8 * this.#used);
    const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
    const resolved = this.#device.createBuffer({ size, usage: QUERY_RESOLVE | COPY_SRC });
    this.#read = this.#device.createBuffer({ size, usage: COPY_DST | MAP_READ });
    encoder.resolveQuerySet(this.#queries, 0, this.#used, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, this.#read, 0, size);
  }

  /** Milliseconds of each pass, once the encoder's commands were submitted. */
  async read(): Promise<number[]> {
    const buffer = this.#read;
    if (buffer === null) return [];
    await buffer.mapAsync(GPUMapMode.READ);
    const stamps = new BigUint64Array(buffer.getMappedRange());
    const times = Array.from({ length: this.#used / 2 }, (_, i) => {
      const [begin = 0n, end = 0n] = stamps.subarray(2 * i, 2 * i + 2);
      return Number(end - begin) / 1e6;
    });
    buffer.destroy();
    this.#queries.destroy();
    return times;
  }
}

/** Whether a device can time its passes. */
export function hasTimestamps(device: GPUDevice): boolean {
  return device.features.has("timestamp-query");
}
