import { type BoundPlan, type BoundProgram, encodeProgram } from "./bind.ts";
import type { Gpu } from "./gpu.ts";
import type { Sampling } from "./messages.ts";
import { TokenReads } from "./readback.ts";
import { beginSampling, type SamplingBuffers, samplingPrograms, setSampling } from "./sampling.ts";
import { type State, stateBuffer } from "./state.ts";
import { type ScalarValues, writeUniforms } from "./uniforms.ts";

/** The guard of kernels launched on a packed grid: as the plan's format has it, never reached. */
const GRID_LIMIT = 0xffffffff;

/** All that a call for one state touches; it exists before the first token, and a call only fills it in. */
export interface Executor {
  readonly gpu: Gpu;
  readonly plan: BoundPlan;
  readonly state: State;
  /** Of its own, as a token may wait in them while other states have their turns. */
  readonly reads: TokenReads;
  readonly values: ScalarValues;
  readonly ids: Uint32Array<ArrayBuffer>;
  readonly tokens: GPUBuffer;
  readonly logits: GPUBuffer;
  readonly sampling: SamplingBuffers;
}

export function createExecutor(gpu: Gpu, plan: BoundPlan, state: State, chunk: number): Executor {
  const io = (name: string): GPUBuffer => stateBuffer(state, name);
  return {
    gpu,
    plan,
    state,
    reads: new TokenReads(gpu.device),
    values: {
      tokens: 1,
      position: 0,
      temperature: 0,
      top_k: 0,
      top_p: 1,
      min_p: 0,
      seed: 0,
      repetition_penalty: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      grid_limit: GRID_LIMIT,
    },
    ids: new Uint32Array(chunk),
    tokens: io("tokens"),
    logits: io("logits"),
    sampling: { bias: io("bias"), occurrences: io("occurrences"), logprobs: io("logprobs") },
  };
}

/** Frees the state. */
export function closeExecutor({ state, reads }: Executor): void {
  for (const buffer of state.buffers.values()) buffer.destroy();
  reads.close();
}

/** Reads ids[from..to) into the state at that position, without looking at what comes out. */
export function submitChunk(
  executor: Executor,
  ids: readonly number[],
  from: number,
  to: number,
): void {
  const { device } = executor.gpu;
  writeChunk(executor, ids, from, to);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  encodeProgram(pass, executor.plan.programs.prefill, executor.state.groups, to - from);
  pass.end();
  device.queue.submit([encoder.finish()]);
}

/** The last chunk of a prompt: also samples, and gives the slot to read the first token from. */
export function submitLastChunk(
  executor: Executor,
  ids: readonly number[],
  from: number,
  to: number,
  sampling: Sampling,
): GPUBuffer {
  beginSampling(executor.gpu.device, executor.sampling, ids, sampling);
  setSampling(executor.values, sampling);
  writeChunk(executor, ids, from, to);
  return submitSampled(executor, executor.plan.programs.prefill, to - from, sampling);
}

/** Consumes tokens[0] at the position and samples the token after it; gives the slot to read that from. */
export function submitStep(executor: Executor, position: number, sampling: Sampling): GPUBuffer {
  const { gpu, plan, values } = executor;
  setSampling(values, sampling);
  values.tokens = 1;
  values.position = position;
  writeUniforms(gpu.device, plan.uniforms, values);
  return submitSampled(executor, plan.programs.decode, 1, sampling);
}

/** Puts a token where the next step takes it from. */
export function writeToken({ gpu, ids, tokens }: Executor, token: number): void {
  ids[0] = token;
  gpu.device.queue.writeBuffer(tokens, 0, ids, 0, 1);
}

function writeChunk(executor: Executor, prompt: readonly number[], from: number, to: number): void {
  const { gpu, plan, values, ids, tokens } = executor;
  for (let i = from; i < to; i += 1) ids[i - from] = prompt[i] ?? 0;
  gpu.device.queue.writeBuffer(tokens, 0, ids, 0, to - from);
  values.tokens = to - from;
  values.position = from;
  writeUniforms(gpu.device, plan.uniforms, values);
}

function submitSampled(
  { gpu, plan, state: { groups }, reads, tokens, sampling: { logprobs } }: Executor,
  program: BoundProgram,
  count: number,
  sampling: Sampling,
): GPUBuffer {
  const encoder = gpu.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  encodeProgram(pass, program, groups, count);
  encodeProgram(pass, plan.programs.head, groups, count);
  for (const each of samplingPrograms(plan.programs, sampling)) {
    encodeProgram(pass, each, groups, count);
  }
  pass.end();
  const slot = reads.record(encoder, tokens, sampling.logprobs === undefined ? null : logprobs);
  gpu.device.queue.submit([encoder.finish()]);
  return slot;
}
