import { replace } from "./replace.ts";

/** What a device was really asked to do. */
export interface CallCounts {
  dispatches: number;
  passes: number;
  submits: number;
  writes: number;
  bindGroups: number;
  buffers: number;
  pipelines: number;
}

export interface Counting {
  readonly counts: Readonly<CallCounts>;
  readonly stop: () => void;
}

/** Counts the device's calls from now on, until it is stopped. */
export function countCalls(device: GPUDevice): Counting {
  const counts: CallCounts = {
    dispatches: 0,
    passes: 0,
    submits: 0,
    writes: 0,
    bindGroups: 0,
    buffers: 0,
    pipelines: 0,
  };
  const counted =
    (name: keyof CallCounts) =>
    <Args extends readonly unknown[], Result>(original: (...args: Args) => Result) =>
    (...args: Args): Result => {
      counts[name] += 1;
      return original(...args);
    };
  const { queue } = device;
  const undo = [
    replace(device, "createBindGroup", counted("bindGroups")),
    replace(device, "createBuffer", counted("buffers")),
    replace(device, "createComputePipeline", counted("pipelines")),
    replace(device, "createComputePipelineAsync", counted("pipelines")),
    replace(queue, "submit", counted("submits")),
    replace(queue, "writeBuffer", counted("writes")),
    replace(device, "createCommandEncoder", (create) => (descriptor) => {
      const encoder = create(descriptor);
      replace(encoder, "beginComputePass", (begin) => (passDescriptor) => {
        counts.passes += 1;
        const pass = begin(passDescriptor);
        replace(pass, "dispatchWorkgroups", counted("dispatches"));
        return pass;
      });
      return encoder;
    }),
  ];
  return {
    counts,
    stop: () => {
      for (const putBack of undo) putBack();
    },
  };
}
