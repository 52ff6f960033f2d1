import { replace } from "./replace.ts";

/** What a benchmark knows of the device that a model runs on; the model knows nothing of it. */
export interface Tap {
  /** Stands for the browser's own: pass it to the load of a model. */
  readonly gpu: GPU;
  /** The device that was opened last. */
  readonly device: GPUDevice | null;
  /** Bytes of all buffers of that device that are not destroyed. */
  readonly bytes: number;
}

const TIMESTAMPS = "timestamp-query";

/** Stands in front of a GPU: its devices take timestamps where the adapter can, and their memory is counted. */
export function tapGpu(gpu: GPU): Tap {
  const tap: { gpu: GPU; device: GPUDevice | null; bytes: number } = {
    gpu: {
      requestAdapter: async (options) => {
        const adapter = await gpu.requestAdapter(options);
        if (adapter) tapAdapter(adapter);
        return adapter;
      },
      getPreferredCanvasFormat: () => gpu.getPreferredCanvasFormat(),
      wgslLanguageFeatures: gpu.wgslLanguageFeatures,
    },
    device: null,
    bytes: 0,
  };
  const tapAdapter = (adapter: GPUAdapter): void => {
    replace(adapter, "requestDevice", (request) => async (descriptor = {}) => {
      const features = new Set(descriptor.requiredFeatures);
      if (adapter.features.has(TIMESTAMPS)) features.add(TIMESTAMPS);
      tap.device = await request({ ...descriptor, requiredFeatures: [...features] });
      tap.bytes = 0;
      countBytes(tap.device, (change) => {
        tap.bytes += change;
      });
      return tap.device;
    });
  };
  return tap;
}

/** Calls back with the size of every buffer that is made, and with its negative when it is destroyed. */
function countBytes(device: GPUDevice, changed: (bytes: number) => void): void {
  replace(device, "createBuffer", (create) => (descriptor) => {
    const buffer = create(descriptor);
    let bytes = descriptor.size;
    changed(bytes);
    replace(buffer, "destroy", (destroy) => () => {
      destroy();
      changed(-bytes);
      bytes = 0;
    });
    return buffer;
  });
}
