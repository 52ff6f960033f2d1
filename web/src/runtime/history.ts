import type { PlanBuffer } from "./format.ts";

/** Whether a state that has read `ids` can go on to read the rest of `prompt`: at least one token must be left. */
export function continues(ids: readonly number[], prompt: readonly number[]): boolean {
  return ids.length < prompt.length && ids.every((id, i) => id === prompt[i]);
}

/**
 * A copy of the state as it was after `ids`.
 *
 * Only state of a fixed size is copied. State that grows with the context is addressed by position: what stands before
 * the snapshot's end is still there unless a conversation began earlier, and what stands after it is never read.
 */
export interface Snapshot {
  readonly pairs: readonly { readonly state: GPUBuffer; readonly copy: GPUBuffer }[];
  ids: readonly number[] | null;
}

export function createSnapshot(
  device: GPUDevice,
  planBuffers: readonly PlanBuffer[],
  buffers: ReadonlyMap<string, GPUBuffer>,
): Snapshot {
  const pairs: Snapshot["pairs"][number][] = [];
  for (const { name, role, bytes_per_position } of planBuffers) {
    const state = buffers.get(name);
    if (role !== "state" || bytes_per_position > 0 || !state) continue;
    const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const copy = device.createBuffer({ label: `${name} snapshot`, size: state.size, usage });
    pairs.push({ state, copy });
  }
  return { pairs, ids: null };
}

export function saveSnapshot(device: GPUDevice, snapshot: Snapshot, ids: readonly number[]): void {
  const encoder = device.createCommandEncoder();
  for (const { state, copy } of snapshot.pairs) {
    encoder.copyBufferToBuffer(state, 0, copy, 0, state.size);
  }
  device.queue.submit([encoder.finish()]);
  snapshot.ids = ids;
}

export function restoreSnapshot(device: GPUDevice, { pairs }: Snapshot): void {
  const encoder = device.createCommandEncoder();
  for (const { state, copy } of pairs) {
    encoder.copyBufferToBuffer(copy, 0, state, 0, state.size);
  }
  device.queue.submit([encoder.finish()]);
}
