import { LOGPROB_BYTES } from "./sampling.ts";

/** Two buffers that the page reads sampled tokens from, in turn: one is read while the next step fills the other. */
export class TokenReads {
  readonly #slots: readonly [GPUBuffer, GPUBuffer];
  #next = 0;

  constructor(device: GPUDevice) {
    const slot = (label: string): GPUBuffer =>
      device.createBuffer({
        label,
        size: 4 + LOGPROB_BYTES,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      });
    this.#slots = [slot("token read 0"), slot("token read 1")];
  }

  /** Bytes of GPU memory. */
  get bytes(): number {
    return this.#slots[0].size + this.#slots[1].size;
  }

  close(): void {
    for (const slot of this.#slots) slot.destroy();
  }

  /**
   * Records the copy of tokens[0], and of the log-probabilities where they were asked for; gives the buffer to read
   * after the submit.
   */
  record(encoder: GPUCommandEncoder, tokens: GPUBuffer, logprobs: GPUBuffer | null): GPUBuffer {
    const slot = this.#slots[this.#next === 0 ? 0 : 1];
    this.#next = 1 - this.#next;
    encoder.copyBufferToBuffer(tokens, 0, slot, 0, 4);
    if (logprobs) encoder.copyBufferToBuffer(logprobs, 0, slot, 4, LOGPROB_BYTES);
    return slot;
  }
}

/** The token in a slot, once its step has run. */
export async function readToken(slot: GPUBuffer): Promise<number> {
  return (await readSlot(slot)).getUint32(0, true);
}

/** All that is in a slot: the token, and the log-probabilities where they were asked for. */
export async function readSlot(slot: GPUBuffer): Promise<DataView> {
  await slot.mapAsync(GPUMapMode.READ);
  const bytes = slot.getMappedRange().slice(0);
  slot.unmap();
  return new DataView(bytes);
}

/** The whole contents of a buffer, through a buffer made for this one read: not for the decode path. */
export async function readBuffer(device: GPUDevice, source: GPUBuffer): Promise<ArrayBuffer> {
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = device.createBuffer({ label: "whole read", size: source.size, usage });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, staging, 0, source.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const bytes = staging.getMappedRange().slice(0);
  staging.destroy();
  return bytes;
}
