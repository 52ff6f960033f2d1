import { WindowseatError } from "./failure.ts";

/** How long a rejected GPU promise waits for the news that the device is lost. */
const LOST_NEWS_MS = 200;

/** An open device that remembers why it can no longer be used. */
export class Gpu {
  readonly device: GPUDevice;
  #fatal: WindowseatError | null = null;

  constructor(device: GPUDevice) {
    this.device = device;
    device.lost.then(
      ({ message }) => {
        this.#fatal ??= new WindowseatError(
          "device_lost",
          `The browser lost the GPU (${message || "no reason given"}); ask again, and the model is loaded again.`,
        );
      },
      () => {},
    );
    device.onuncapturederror = ({ error }) => {
      this.#fatal ??= new WindowseatError(
        error instanceof GPUOutOfMemoryError ? "adapter_too_small" : "internal",
        `The GPU rejected a command: ${error.message}`,
      );
    };
  }

  /** Whether the device can no longer be used. */
  get isLost(): boolean {
    return this.#fatal !== null;
  }

  /** Throws what made the device unusable, if anything did. */
  check(): void {
    if (this.#fatal) throw this.#fatal;
  }

  /** Waits for GPU work; a rejection because of a lost device becomes that failure. */
  async settled<T>(work: Promise<T>): Promise<T> {
    try {
      const value = await work;
      this.check();
      return value;
    } catch (error) {
      // Mapping rejects before `lost` resolves; the reason is worth the short wait.
      const timeout = new Promise((resolve) => setTimeout(resolve, LOST_NEWS_MS));
      if (!this.#fatal) await Promise.race([this.device.lost, timeout]);
      this.check();
      throw error;
    }
  }

  /**
   * Runs a step of the set-up; what the GPU rejects in it becomes one failure that names the step.
   *
   * The step is synchronous: error scopes are one stack per device, and steps that wait would cross theirs. When it
   * fails, `free` gets what there is of its result.
   */
  async guarded<T>(what: string, step: () => T, free?: (made: T) => void): Promise<T> {
    const { result, full } = await this.#watched(what, step, free);
    if (full === null) return result;
    throw new WindowseatError(
      "adapter_too_small",
      `The GPU ran out of memory at ${what} (${full.message}); close other pages, or pick a smaller model or context.`,
    );
  }

  /** The same for a step that may be too much: null when memory runs out. */
  async tried<T>(what: string, step: () => T, free?: (made: T) => void): Promise<T | null> {
    const { result, full } = await this.#watched(what, step, free);
    return full === null ? result : null;
  }

  async #watched<T>(
    what: string,
    step: () => T,
    free: (made: T) => void = () => {},
  ): Promise<{ result: T; full: GPUError | null }> {
    this.device.pushErrorScope("validation");
    this.device.pushErrorScope("out-of-memory");
    const popped: Promise<GPUError | null>[] = [];
    let result: T;
    try {
      result = step();
    } finally {
      popped.push(this.device.popErrorScope(), this.device.popErrorScope());
    }
    const [full = null, invalid = null] = await this.settled(Promise.all(popped));
    if (full || invalid) free(result);
    if (invalid && !full) {
      throw new WindowseatError("internal", `WebGPU rejected ${what}: ${invalid.message}`);
    }
    return { result, full };
  }

  close(): void {
    this.#fatal ??= new WindowseatError("device_lost", "The model was closed; load it again.");
    this.device.destroy();
  }
}
