/** What a device was really asked to do, for a benchmark. */
export interface CallCounts {
  dispatches: number;
  passes: number;
  submits: number;
  writes: number;
  bindGroups: number;
  buffers: number;
  pipelines: number;
}

/** Counts the device's calls from now on, by standing in front of its own methods. */
export function countCalls(device: GPUDevice): CallCounts {
  const counts: CallCounts = {
    dispatches: 0,
    passes: 0,
    submits: 0,
    writes: 0,
    bindGroups: 0,
    buffers: 0,
    pipelines: 0,
  };
  count(device, "createBindGroup", () => counts.bindGroups++);
  count(device, "createBuffer", () => counts.buffers++);
  count(device, "createComputePipeline", () => counts.pipelines++);
  count(device, "createComputePipelineAsync", () => counts.pipelines++);
  count(device.queue, "submit", () => counts.submits++);
  count(device.queue, "writeBuffer", () => counts.writes++);
  const createCommandEncoder = device.createCommandEncoder.bind(device);
  device.createCommandEncoder = (descriptor) => {
    const encoder = createCommandEncoder(descriptor);
    const beginComputePass = encoder.beginComputePass.bind(encoder);
    encoder.beginComputePass = (passDescriptor) => {
      counts.passes++;
      const pass = beginComputePass(passDescriptor);
      count(pass, "dispatchWorkgroups", () => counts.dispatches++);
      return pass;
    };
    return encoder;
  };
  return counts;
}

/** The difference of two readings. */
export function since(now: Readonly<CallCounts>, then: Readonly<CallCounts>): CallCounts {
  return {
    dispatches: now.dispatches - then.dispatches,
    passes: now.passes - then.passes,
    submits: now.submits - then.submits,
    writes: now.writes - then.writes,
    bindGroups: now.bindGroups - then.bindGroups,
    buffers: now.buffers - then.buffers,
    pipelines: now.pipelines - then.pipelines,
  };
}

function count<K extends string>(
  target: { [name in K]: (...args: never[]) => unknown },
  method: K,
  note: () => void,
): void {
  const original: unknown = target[method];
  if (typeof original !== "function") return;
  Object.defineProperty(target, method, {
    value: (...args: unknown[]): unknown => {
      note();
      return Reflect.apply(original, target, args);
    },
  });
}
