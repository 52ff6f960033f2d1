import { replace } from "./replace.ts";
import { hasTimestamps, PassTimes } from "./timestamps.ts";

/** GPU time of one kernel over a profiled stretch. */
export interface KernelTime {
  readonly kernel: string;
  readonly count: number;
  readonly ms: number;
}

/** Timestamps around a pass for each launch; or, where there are none, a submit for each and the clock of the page. */
export type Method = "timestamp-query" | "submits";

export interface Profiling {
  readonly method: Method;
  /** Ends the profile, once what was launched in it has been waited for. */
  readonly stop: () => Promise<KernelTime[]>;
}

/** Where launches go instead of into the pass that they were recorded for. */
interface Sink {
  readonly launch: (kernel: string, record: (pass: GPUComputePassEncoder) => void) => void;
  /** The encoder is about to be finished. */
  readonly finish: () => void;
}

/** Times each launch of the device from now on; kernels are told apart by the labels of their pipelines. */
export function profileKernels(device: GPUDevice): Profiling {
  const method = hasTimestamps(device) ? "timestamp-query" : "submits";
  const times: Promise<readonly (readonly [kernel: string, ms: number])[]>[] = [];
  const collect: Collect = (each) => times.push(each);
  const open = method === "submits" ? submitSink(device, collect) : timestampSink(device, collect);
  const putBack = replace(device, "createCommandEncoder", (create) => (descriptor) => {
    const encoder = create(descriptor);
    const sink = open(encoder, create);
    replace(encoder, "finish", (finish) => (finishDescriptor) => {
      sink.finish();
      return finish(finishDescriptor);
    });
    replace(encoder, "beginComputePass", (begin) => (passDescriptor) => {
      const pass = begin(passDescriptor);
      divert(pass, sink);
      return pass;
    });
    return encoder;
  });
  return {
    method,
    stop: async () => {
      putBack();
      return sum((await Promise.all(times)).flat());
    },
  };
}

type Collect = (times: Promise<readonly (readonly [kernel: string, ms: number])[]>) => void;
type CreateEncoder = (descriptor?: GPUCommandEncoderDescriptor) => GPUCommandEncoder;
type OpenSink = (encoder: GPUCommandEncoder, create: CreateEncoder) => Sink;

/** A pass for each launch, between timestamps, in the encoder that it was recorded for. */
function timestampSink(device: GPUDevice, collect: Collect): OpenSink {
  return (encoder) => {
    // As it is now: the profile is about to replace it.
    const begin = encoder.beginComputePass.bind(encoder);
    const kernels: string[] = [];
    let passes: PassTimes | null = null;
    return {
      launch: (kernel, record) => {
        passes ??= new PassTimes(device);
        const pass = begin(passes.next());
        record(pass);
        pass.end();
        kernels.push(kernel);
      },
      finish: () => {
        const timed = passes;
        if (timed === null) return;
        timed.resolve(encoder);
        // Reading may wait until the commands are submitted, which comes after this.
        const read = Promise.resolve().then(() => timed.read());
        collect(read.then((ms) => kernels.map((kernel, i) => [kernel, ms[i] ?? 0])));
      },
    };
  };
}

/**
 * A submit for each launch, at once; the time from the end of one to the end of the next.
 *
 * What the runtime records before its pass in the same encoder would come too late: it records nothing there.
 */
function submitSink(device: GPUDevice, collect: Collect): OpenSink {
  let lastEnd = Promise.resolve(0);
  return (_, create) => ({
    launch: (kernel, record) => {
      const encoder = create();
      const pass = encoder.beginComputePass();
      record(pass);
      pass.end();
      const submitted = performance.now();
      device.queue.submit([encoder.finish()]);
      const before = lastEnd;
      lastEnd = device.queue.onSubmittedWorkDone().then(() => performance.now());
      collect(
        Promise.all([before, lastEnd]).then(([start, end]) => [
          [kernel, end - Math.max(start, submitted)],
        ]),
      );
    },
    finish: () => {},
  });
}

/** Ends the pass while it is empty; what is recorded into it from here on goes to the sink, launch by launch. */
function divert(pass: GPUComputePassEncoder, sink: Sink): void {
  pass.end();
  let pipeline: GPUComputePipeline | null = null;
  let group: GPUBindGroup | null = null;
  replace(pass, "setPipeline", () => (next) => {
    pipeline = next;
  });
  // The runtime binds one group, at 0, without offsets.
  replace(pass, "setBindGroup", () => (_, next) => {
    group = next ?? null;
  });
  replace(pass, "dispatchWorkgroups", () => (...grid) => {
    const [kernel, bindings] = [pipeline, group];
    if (kernel === null) return;
    sink.launch(kernel.label, (own) => {
      own.setPipeline(kernel);
      own.setBindGroup(0, bindings);
      own.dispatchWorkgroups(...grid);
    });
  });
  replace(pass, "end", () => () => {});
}

function sum(times: readonly (readonly [kernel: string, ms: number])[]): KernelTime[] {
  const kernels = new Map<string, { count: number; ms: number }>();
  for (const [kernel, ms] of times) {
    const { count, ms: before } = kernels.get(kernel) ?? { count: 0, ms: 0 };
    kernels.set(kernel, { count: count + 1, ms: before + ms });
  }
  return [...kernels].map(([kernel, { count, ms }]) => ({ kernel, count, ms }));
}
