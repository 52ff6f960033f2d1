import { describeAdapter, isSoftware, requestAdapter } from "../runtime/adapter.ts";
import { type BoundStep, bindPlan, buildKernels, encodeProgram } from "../runtime/bind.ts";
import { WindowseatError } from "../runtime/failure.ts";
import { Gpu } from "../runtime/gpu.ts";
import { parsePlan } from "../runtime/plan.ts";
import { createState } from "../runtime/state.ts";
import { hasTimestamps, PassTimes } from "./timestamps.ts";

/** The adapter that a model would run on. */
export interface AdapterFacts {
  readonly description: string;
  readonly software: boolean;
  readonly f16: boolean;
  readonly timestamps: boolean;
}

export async function describe(gpu: GPU | undefined): Promise<AdapterFacts> {
  const adapter = await requestAdapter(gpu);
  return {
    description: describeAdapter(adapter),
    software: isSoftware(adapter.info),
    f16: adapter.features.has("shader-f16"),
    timestamps: adapter.features.has("timestamp-query"),
  };
}

/** Enough launches to a sample that the clock is exact, and enough samples that one of them is undisturbed. */
const SAMPLE_MS = 20;
const MOST_LAUNCHES = 64;
const SAMPLES = 5;
/** No kernel is sampled for longer. */
const BUDGET_MS = 3000;
/** Bytes that buffers are filled with, again and again. */
const FILLED = 1 << 20;

/**
 * Milliseconds of one launch of each step of a plan's prefill, on a device of its own: a list of samples for each.
 *
 * The plan is text in the format of a bundle's plans; it binds no weights.
 */
export async function timeSteps(gpu: GPU | undefined, text: string): Promise<number[][]> {
  const adapter = await requestAdapter(gpu);
  const wanted: GPUFeatureName[] = ["timestamp-query", "shader-f16"];
  const requiredFeatures = wanted.filter((name) => adapter.features.has(name));
  const opened = new Gpu(await adapter.requestDevice({ requiredFeatures }));
  const { device } = opened;
  try {
    const plan = parsePlan(text, "the plan of the ceilings");
    const kernels = await buildKernels(opened, plan, () => {});
    const bound = bindPlan(device, plan, kernels, new Map(), 1);
    const state = await createState(opened, bound, 1);
    if (state === null) {
      throw new WindowseatError("adapter_too_small", "The GPU has no memory for the ceilings.");
    }
    fill(device, [...bound.scratch.values(), ...state.buffers.values()]);
    // The only scalar that these kernels have is the limit of the grid, which is never reached.
    const { buffer } = bound.uniforms;
    device.queue.writeBuffer(buffer, 0, new Uint32Array(buffer.size / 4).fill(0xffffffff));
    const times: number[][] = [];
    for (const step of bound.programs.prefill) {
      times.push(
        await opened.settled(sample((launches) => launch(device, step, state.groups, launches))),
      );
    }
    return times;
  } finally {
    opened.close();
  }
}

/** Milliseconds of one launch, several times over. */
async function sample(run: (launches: number) => Promise<number>): Promise<number[]> {
  const end = performance.now() + BUDGET_MS;
  await run(1); // drivers compile at the first launch
  const one = await run(1);
  const launches = Math.min(MOST_LAUNCHES, Math.max(1, Math.ceil(SAMPLE_MS / one)));
  const samples = [];
  do samples.push((await run(launches)) / launches);
  while (samples.length < SAMPLES && performance.now() < end);
  return samples;
}

/** Milliseconds of so many launches in one pass. */
async function launch(
  device: GPUDevice,
  step: BoundStep,
  groups: readonly GPUBindGroup[],
  launches: number,
): Promise<number> {
  const steps = Array.from({ length: launches }, () => step);
  const encoder = device.createCommandEncoder();
  const times = hasTimestamps(device) ? new PassTimes(device) : null;
  const pass = encoder.beginComputePass(times?.next());
  encodeProgram(pass, steps, groups, { tokens: 1, position: 0 });
  pass.end();
  times?.resolve(encoder);
  const started = performance.now();
  device.queue.submit([encoder.finish()]);
  await device.queue.onSubmittedWorkDone();
  const waited = performance.now() - started;
  return (await times?.read())?.[0] ?? waited;
}

/** Fills buffers with halves between 1/4 and 1; read as floats they are small, but not too small to be normal. */
function fill(device: GPUDevice, buffers: Iterable<GPUBuffer>): void {
  const values = new Uint16Array(FILLED / 2);
  for (let i = 0, state = 1; i < values.length; i += 1) {
    state = Math.imul(state, 1664525) + 1013904223;
    values[i] = 0x3400 + ((state >>> 16) & 0x7ff);
  }
  const usage = GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  const block = device.createBuffer({ size: FILLED, usage });
  device.queue.writeBuffer(block, 0, values);
  const encoder = device.createCommandEncoder();
  for (const buffer of buffers) {
    for (let at = 0; at < buffer.size; at += FILLED) {
      encoder.copyBufferToBuffer(block, 0, buffer, at, Math.min(FILLED, buffer.size - at));
    }
  }
  device.queue.submit([encoder.finish()]);
}
