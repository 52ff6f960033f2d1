import { WindowseatError } from "./failure.ts";
import type { Extent, Plan, PlanBuffer, PlanKernel, Programs, Step } from "./format.ts";
import type { Gpu } from "./gpu.ts";
import { messageOf } from "./message_of.ts";
import { allocated, eachProgram, groups } from "./plan.ts";
import { createUniforms, type UniformArena, uniformBinding } from "./uniforms.ts";

export type Buffers = ReadonlyMap<string, GPUBuffer>;

/** What one or several steps bind. */
export interface Binding {
  /** The bind group, for all states where none of their buffers is in it; else it is made for each. */
  readonly shared: GPUBindGroup | null;
  readonly names: readonly string[];
  readonly make: (state: Buffers) => GPUBindGroup;
}

/** One kernel launch, resolved: pipelines are built once, at load; bind groups with the state that they name. */
export interface BoundStep {
  readonly pipeline: GPUComputePipeline;
  /** Its place among the plan's bindings, and among the groups of a state. */
  readonly binding: number;
  readonly x: Extent;
  readonly y: Extent;
  /** Positions up to which it has nothing to do. */
  readonly past: number;
}

export type BoundProgram = readonly BoundStep[];

/** A plan with everything that its conversations share. */
export interface BoundPlan {
  readonly uniforms: UniformArena;
  /** The buffers that the next call may overwrite, whichever state it is for. */
  readonly scratch: Buffers;
  /** The buffers that each state has of its own. */
  readonly own: readonly PlanBuffer[];
  readonly bindings: readonly Binding[];
  readonly programs: Readonly<Record<keyof Programs, BoundProgram>>;
}

/** A kernel that is ready to be bound. */
export interface BuiltKernel {
  readonly kernel: PlanKernel;
  readonly layout: GPUBindGroupLayout;
  readonly pipeline: GPUComputePipeline;
}

/** Whether every state has such a buffer for itself. The others are good until the next call, and so serve them all. */
function isOwn({ role }: PlanBuffer): boolean {
  return role === "io" || role === "state";
}

function createScratch(device: GPUDevice, { buffers }: Plan): Buffers {
  const scratch = buffers.filter((each) => !isOwn(each));
  return new Map(scratch.map((each) => [each.name, createBuffer(device, each, 0)]));
}

/** A buffer of the plan, with room for so many positions. */
export function createBuffer(device: GPUDevice, buffer: PlanBuffer, positions: number): GPUBuffer {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  return device.createBuffer({ label: buffer.name, size: allocated(buffer, positions), usage });
}

/** Compiles every kernel of the plan, all at once; fails with the name of the kernel that does not compile. */
export async function buildKernels(
  gpu: Gpu,
  plan: Plan,
  onProgress: (done: number, total: number) => void,
): Promise<readonly BuiltKernel[]> {
  const layouts = new Map<string, GPUBindGroupLayout>();
  let done = 0;
  return await Promise.all(
    plan.kernels.map(async (kernel) => {
      const built = await buildKernel(gpu, kernel, layouts);
      done += 1;
      onProgress(done, plan.kernels.length);
      return built;
    }),
  );
}

/** Every step of the plan with its pipeline, and with its bind group where all states share that. */
export function bindPlan(
  device: GPUDevice,
  plan: Plan,
  kernels: readonly BuiltKernel[],
  weights: Buffers,
  tokens: number,
): BoundPlan {
  const uniforms = createUniforms(device, plan.kernels);
  const scratch = createScratch(device, plan);
  const own = plan.buffers.filter(isOwn);
  const stateful = new Set(own.map(({ name }) => name));
  const bindings: Binding[] = [];
  const places = new Map<string, number>();
  const bindStep = (step: Step): BoundStep => {
    const built = kernels[step.kernel];
    if (!built) throw broken(`a step asks for kernel ${step.kernel} of ${kernels.length}`);
    checkGrid(device, built.kernel.name, step, tokens);
    const key = `${step.kernel}:${step.buffers.join()}`;
    const known = places.get(key);
    const binding = known ?? bindings.length;
    if (known === undefined) {
      const names = step.buffers;
      const make = (state: Buffers): GPUBindGroup => {
        const find = (name: string) => state.get(name) ?? scratch.get(name) ?? weights.get(name);
        return bindKernel(device, built, step, find, uniforms);
      };
      const shared = names.some((name) => stateful.has(name)) ? null : make(new Map());
      bindings.push({ shared, names, make });
      places.set(key, binding);
    }
    return {
      pipeline: built.pipeline,
      binding,
      x: step.grid[0],
      y: step.grid[1],
      past: step.past ?? 0,
    };
  };
  const programs = eachProgram((name): BoundProgram => plan.programs[name].map(bindStep));
  return { uniforms, scratch, own, bindings, programs };
}

/** Bytes of GPU memory that all states share, but for the weights. */
export function planBytes({ uniforms, scratch }: BoundPlan): number {
  return Array.from(scratch.values()).reduce((sum, { size }) => sum + size, uniforms.buffer.size);
}

/** Frees what all states share, but for the weights. */
export function closePlan({ uniforms, scratch }: BoundPlan): void {
  for (const buffer of scratch.values()) buffer.destroy();
  uniforms.buffer.destroy();
}

/** Records the steps of a program for a call of `tokens` tokens after `position` others, with the bind groups of a state. */
export function encodeProgram(
  pass: GPUComputePassEncoder,
  program: BoundProgram,
  bindGroups: readonly GPUBindGroup[],
  { tokens, position }: { readonly tokens: number; readonly position: number },
): void {
  for (const { pipeline, binding, x, y, past } of program) {
    if (position + tokens <= past) continue;
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroups[binding] ?? null);
    pass.dispatchWorkgroups(groups(x, tokens), groups(y, tokens));
  }
}

async function buildKernel(
  gpu: Gpu,
  kernel: PlanKernel,
  layouts: Map<string, GPUBindGroupLayout>,
): Promise<BuiltKernel> {
  const { name, code, entry } = kernel;
  const what = `the kernel ${name}`;
  const [module, layout] = await gpu.guarded(what, () => [
    gpu.device.createShaderModule({ label: name, code }),
    layoutOf(gpu.device, kernel, layouts),
  ]);
  try {
    const pipeline = await gpu.settled(
      gpu.device.createComputePipelineAsync({
        label: name,
        layout: gpu.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: entry },
      }),
    );
    return { kernel, layout, pipeline };
  } catch (error) {
    if (error instanceof WindowseatError) throw error;
    throw new WindowseatError("internal", `WebGPU rejected ${what}: ${messageOf(error)}`);
  }
}

/** Kernels that take the same kinds of bindings share a layout. */
function layoutOf(
  device: GPUDevice,
  kernel: PlanKernel,
  layouts: Map<string, GPUBindGroupLayout>,
): GPUBindGroupLayout {
  const types: GPUBufferBindingType[] = kernel.buffers.map(({ access }) =>
    access === "read" ? "read-only-storage" : "storage",
  );
  if (kernel.scalars.length > 0) types.push("uniform");
  const key = types.join();
  const known = layouts.get(key);
  if (known) return known;
  const entries = types.map((type, binding) => ({
    binding,
    visibility: GPUShaderStage.COMPUTE,
    buffer: { type },
  }));
  const layout = device.createBindGroupLayout({ label: key, entries });
  layouts.set(key, layout);
  return layout;
}

function bindKernel(
  device: GPUDevice,
  { kernel, layout }: BuiltKernel,
  step: Step,
  find: (name: string) => GPUBuffer | undefined,
  uniforms: UniformArena,
): GPUBindGroup {
  const { name, scalars } = kernel;
  if (step.buffers.length !== kernel.buffers.length) {
    throw broken(`${name} takes ${kernel.buffers.length} buffers and gets ${step.buffers.length}`);
  }
  const entries: GPUBindGroupEntry[] = step.buffers.map((bufferName, binding) => {
    const buffer = find(bufferName);
    if (!buffer) throw broken(`${name} binds ${bufferName}, which is no buffer and no tensor`);
    return { binding, resource: { buffer } };
  });
  if (scalars.length > 0) {
    entries.push({ binding: entries.length, resource: uniformBinding(uniforms, scalars) });
  }
  return device.createBindGroup({ label: name, layout, entries });
}

function checkGrid(device: GPUDevice, kernel: string, step: Step, tokens: number): void {
  const most = device.limits.maxComputeWorkgroupsPerDimension;
  for (const extent of step.grid) {
    const need = groups(extent, tokens);
    if (need > most)
      throw broken(`${kernel} launches ${need} workgroups along one axis of ${most}`);
  }
}

function broken(sentence: string): WindowseatError {
  return new WindowseatError(
    "damaged_file",
    `The plan is broken: ${sentence}; build the bundle again.`,
  );
}
