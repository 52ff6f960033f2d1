import { type BoundPlan, type BoundProgram, encodeProgram } from "./bind.ts";
import type { TokenMask } from "./constrained.ts";
import type { Gpu } from "./gpu.ts";
import type { Sampling } from "./messages.ts";
import { TokenReads } from "./readback.ts";
import {
  beginSampling,
  EVERYTHING,
  type SamplingBuffers,
  samplingPrograms,
  setSampling,
} from "./sampling.ts";
import { closeState, type State, stateBuffer } from "./state.ts";
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
      keep_at: 0,
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
    sampling: {
      bias: io("bias"),
      occurrences: io("occurrences"),
      allowed: io("allowed"),
      logprobs: io("logprobs"),
    },
  };
}

/** The tokens ids[from..to), which a state reads in one call. */
export interface Chunk {
  readonly ids: readonly number[];
  readonly from: number;
  readonly to: number;
  /** What the state is after this many tokens of all is left in its `kept` buffers, until the next chunk; null: nowhere. */
  readonly keepAt: number | null;
}

/** Frees the state. */
export function closeExecutor({ state, reads }: Executor): void {
  closeState(state);
  reads.close();
}

/**
 * Sets up a call of one token that asks for everything at once, and means nothing.
 *
 * Its position is not 0: lavapipe makes of that a kernel of its own, and the first real token would pay for the other.
 */
export function beginWarmUp(executor: Executor): void {
  const { gpu, sampling } = executor;
  const words = sampling.allowed.size / Int32Array.BYTES_PER_ELEMENT;
  gpu.device.queue.writeBuffer(sampling.allowed, 0, new Int32Array(words).fill(-1));
  setSampling(executor.values, EVERYTHING);
  writeChunk(executor, { ids: [0, 0], from: 1, to: 2, keepAt: null });
}

/** Reads a chunk into the state, without looking at what comes out. */
export function submitChunk(executor: Executor, chunk: Chunk): void {
  writeChunk(executor, chunk);
  submitPrograms(executor, [executor.plan.programs.prefill]);
}

/** The last chunk of a prompt: also samples, and gives the slot to read the first token from. */
export function submitLastChunk(executor: Executor, chunk: Chunk, sampling: Sampling): GPUBuffer {
  beginLastChunk(executor, chunk, sampling);
  return submitSampled(executor, executor.plan.programs.prefill, sampling);
}

/** The same, as far as the logits; `submitChoice` has to follow. */
export function submitLastForward(executor: Executor, chunk: Chunk, sampling: Sampling): void {
  const { programs } = executor.plan;
  beginLastChunk(executor, chunk, sampling);
  submitPrograms(executor, [programs.prefill, programs.head]);
}

/** Consumes tokens[0] at the position and samples the token after it; gives the slot to read that from. */
export function submitStep(executor: Executor, position: number, sampling: Sampling): GPUBuffer {
  setSampling(executor.values, sampling);
  writePosition(executor, position);
  return submitSampled(executor, executor.plan.programs.decode, sampling);
}

/** Consumes tokens[0] at the position, as far as the logits; `submitChoice` has to follow. */
export function submitForward(executor: Executor, position: number): void {
  const { programs } = executor.plan;
  writePosition(executor, position);
  submitPrograms(executor, [programs.decode, programs.head]);
}

/** Samples one of the allowed tokens from the logits; gives the slot to read it from. */
export function submitChoice(
  executor: Executor,
  sampling: Sampling,
  allowed: TokenMask | null,
): GPUBuffer {
  const { gpu, plan, values } = executor;
  setSampling(values, sampling);
  // Others may have had a turn since the logits were computed.
  writeUniforms(gpu.device, plan.uniforms, values);
  if (allowed) gpu.device.queue.writeBuffer(executor.sampling.allowed, 0, allowed);
  return submitRead(
    executor,
    samplingPrograms(plan.programs, sampling, allowed !== null),
    sampling,
  );
}

/** Puts a token where the next step takes it from. */
export function writeToken({ gpu, ids, tokens }: Executor, token: number): void {
  ids[0] = token;
  gpu.device.queue.writeBuffer(tokens, 0, ids, 0, 1);
}

function beginLastChunk(executor: Executor, chunk: Chunk, sampling: Sampling): void {
  beginSampling(executor.gpu.device, executor.sampling, chunk.ids, sampling);
  setSampling(executor.values, sampling);
  writeChunk(executor, chunk);
}

function writeChunk(executor: Executor, { ids: prompt, from, to, keepAt }: Chunk): void {
  const { gpu, plan, values, ids, tokens } = executor;
  for (let i = from; i < to; i += 1) ids[i - from] = prompt[i] ?? 0;
  gpu.device.queue.writeBuffer(tokens, 0, ids, 0, to - from);
  values.tokens = to - from;
  values.position = from;
  values.keep_at = keepAt === null ? 0 : keepAt - from;
  writeUniforms(gpu.device, plan.uniforms, values);
}

function writePosition({ gpu, plan, values }: Executor, position: number): void {
  values.tokens = 1;
  values.position = position;
  writeUniforms(gpu.device, plan.uniforms, values);
}

function submitSampled(executor: Executor, program: BoundProgram, sampling: Sampling): GPUBuffer {
  const { programs } = executor.plan;
  const after = samplingPrograms(programs, sampling, false);
  return submitRead(executor, [program, programs.head, ...after], sampling);
}

/** Submits programs of which the last ones choose a token, and gives the slot to read it from. */
function submitRead(
  executor: Executor,
  programs: readonly BoundProgram[],
  { logprobs }: Sampling,
): GPUBuffer {
  const { reads, tokens, sampling } = executor;
  const encoder = encodePrograms(executor, programs);
  const slot = reads.record(encoder, tokens, logprobs === undefined ? null : sampling.logprobs);
  executor.gpu.device.queue.submit([encoder.finish()]);
  return slot;
}

/** Runs programs without looking at what comes out. */
export function submitPrograms(executor: Executor, programs: readonly BoundProgram[]): void {
  executor.gpu.device.queue.submit([encodePrograms(executor, programs).finish()]);
}

/** Programs in one pass, for as many tokens as the uniforms were written for. */
function encodePrograms(
  { gpu, state: { groups }, values }: Executor,
  programs: readonly BoundProgram[],
): GPUCommandEncoder {
  const encoder = gpu.device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  for (const program of programs) encodeProgram(pass, program, groups, values);
  pass.end();
  return encoder;
}
