import { type BoundPlan, type Buffers, createBuffer } from "./bind.ts";
import { WindowseatError } from "./failure.ts";
import type { Gpu } from "./gpu.ts";

/**
 * What a conversation has on the GPU: each buffer whose contents outlive a program, and the bind groups that name one.
 *
 * `io` is among them: a step's token, counts and bias wait there for the next step, while other conversations have theirs.
 */
export interface State {
  readonly buffers: Buffers;
  /** One for each of the plan's bindings, in their order. */
  readonly groups: readonly GPUBindGroup[];
  /** Puts another buffer in the place of one: only what binds it is made anew. */
  readonly replace: (name: string, buffer: GPUBuffer) => void;
}

/** A state with room for so many positions; null when memory has no room for it. */
export async function createState(
  gpu: Gpu,
  plan: BoundPlan,
  positions: number,
): Promise<State | null> {
  const make = (): State => {
    const buffers = new Map(
      plan.own.map((each) => [each.name, createBuffer(gpu.device, each, positions)]),
    );
    const groups = plan.bindings.map(({ shared, make }) => shared ?? make(buffers));
    const replace = (name: string, buffer: GPUBuffer): void => {
      buffers.set(name, buffer);
      for (const [i, { names, make }] of plan.bindings.entries()) {
        if (names.includes(name)) groups[i] = make(buffers);
      }
    };
    return { buffers, groups, replace };
  };
  return await gpu.tried("allocating a state", make, closeState);
}

/** Frees its memory. */
export function closeState({ buffers }: State): void {
  for (const buffer of buffers.values()) buffer.destroy();
}

/** One of a state's buffers. */
export function stateBuffer({ buffers }: Pick<State, "buffers">, name: string): GPUBuffer {
  const buffer = buffers.get(name);
  if (buffer) return buffer;
  throw new WindowseatError(
    "damaged_file",
    `The plan has no buffer ${name}; build the bundle again.`,
  );
}

/** Bytes of GPU memory. */
export function stateBytes({ buffers }: State): number {
  return Array.from(buffers.values()).reduce((sum, { size }) => sum + size, 0);
}
