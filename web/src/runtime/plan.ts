import { WindowseatError } from "./failure.ts";
import { Field } from "./fields.ts";
import type {
  Extent,
  Plan,
  PlanBuffer,
  PlanKernel,
  Program,
  Programs,
  Scalar,
  Step,
} from "./format.ts";
import { messageOf } from "./message_of.ts";

const SCALARS = [
  "tokens",
  "position",
  "keep_at",
  "temperature",
  "top_k",
  "top_p",
  "min_p",
  "seed",
  "repetition_penalty",
  "presence_penalty",
  "frequency_penalty",
  "grid_limit",
] as const satisfies readonly Scalar[];

/** The plan in the text of a plan file. */
export function parsePlan(text: string, path: string): Plan {
  try {
    const root = new Field("", JSON.parse(text));
    const programs = root.get("programs");
    const buffers = root.get("buffers").list(readBuffer);
    checkKept(buffers);
    return {
      version: root.get("version").oneOf([1]),
      variant: root.get("variant").text,
      buffers,
      kernels: root.get("kernels").list(readKernel),
      programs: eachProgram((name) => readProgram(programs.get(name))),
    };
  } catch (error) {
    throw new WindowseatError(
      "damaged_file",
      `${path} does not fit the plan format: ${messageOf(error)}; reload the page, or build the bundle again if it is older than the page.`,
    );
  }
}

/** Something for every program of a plan. */
export function eachProgram<T>(make: (name: keyof Programs) => T): Record<keyof Programs, T> {
  return {
    prefill: make("prefill"),
    decode: make("decode"),
    head: make("head"),
    penalise: make("penalise"),
    mask: make("mask"),
    sample: make("sample"),
    draw: make("draw"),
    count: make("count"),
    logprobs: make("logprobs"),
  };
}

/** Bytes that a buffer takes with room for so many positions: never none, for WebGPU binds no empty buffer. */
export function allocated(buffer: PlanBuffer, positions: number): number {
  return Math.max(4, 4 * Math.ceil((buffer.bytes + buffer.bytes_per_position * positions) / 4));
}

/** State that is no list by position, so that going back in it takes a copy. */
export function isUncut({ role, bytes, bytes_per_position }: PlanBuffer): boolean {
  return role === "state" && bytes > 0 && bytes_per_position === 0;
}

/** The name of the buffer where a chunk leaves what such a state was on the way. */
export function keptOf(state: string): string {
  return `${state}.kept`;
}

/** Workgroups along one axis for a call of `tokens` tokens. */
export function groups(extent: Extent, tokens: number): number {
  return typeof extent === "number" ? extent : Math.ceil(tokens / extent.tokens_per_group);
}

function readBuffer(buffer: Field): PlanBuffer {
  return {
    name: buffer.get("name").text,
    role: buffer.get("role").oneOf(["io", "state", "kept", "scratch"]),
    bytes: buffer.get("bytes").integer(),
    bytes_per_position: buffer.get("bytes_per_position").integer(),
  };
}

function checkKept(buffers: readonly PlanBuffer[]): void {
  for (const { name, bytes } of buffers.filter(isUncut)) {
    const fits = (other: PlanBuffer): boolean => other.role === "kept" && other.bytes === bytes;
    if (!buffers.some((other) => other.name === keptOf(name) && fits(other))) {
      throw new Error(`the state ${name} has no ${keptOf(name)} of its size`);
    }
  }
}

function readKernel(kernel: Field): PlanKernel {
  return {
    name: kernel.get("name").text,
    entry: kernel.get("entry").text,
    code: kernel.get("code").text,
    buffers: kernel.get("buffers").list((buffer) => ({
      name: buffer.get("name").text,
      access: buffer.get("access").oneOf(["read", "read_write"]),
    })),
    scalars: kernel.get("scalars").list((scalar) => scalar.oneOf(SCALARS)),
  };
}

function readProgram(program: Field): Program {
  return program.list(readStep);
}

function readStep(step: Field): Step {
  const [x, y, ...more] = step.get("grid").list(readExtent);
  if (x === undefined || y === undefined || more.length > 0) {
    throw new Error(`${step.place}.grid does not have two extents`);
  }
  return {
    kernel: step.get("kernel").integer(),
    buffers: step.get("buffers").list((name) => name.text),
    grid: [x, y],
    past: step.has("past") ? step.get("past").integer() : 0,
  };
}

function readExtent(extent: Field): Extent {
  if (!extent.isObject) return extent.integer(1);
  return { tokens_per_group: extent.get("tokens_per_group").integer(1) };
}
