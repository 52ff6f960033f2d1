import assert from "node:assert/strict";
import { replace } from "../../web/src/bench/replace.ts";
import { tapGpu } from "../../web/src/bench/tap.ts";
import { gpu } from "./gpu.ts";

/** A bigger buffer than the software adapter ever gives: it says, truly, that it is out of memory. */
const TOO_MUCH = 2 ** 30;

/** The GPU with less memory: what does not fit becomes an allocation that fails. */
export function gpuWithMemory(bytes: () => number): GPU {
  const tap = tapGpu(gpu);
  replace(tap.gpu, "requestAdapter", (request) => async (options) => {
    const adapter = await request(options);
    assert.ok(adapter);
    replace(adapter, "requestDevice", (open) => async (descriptor) => {
      const { maxBufferSize } = adapter.limits;
      const requiredLimits = { ...descriptor?.requiredLimits, maxBufferSize };
      const device = await open({ ...descriptor, requiredLimits });
      let tried = 0; // what a failed buffer would have taken is not there for others until it is destroyed
      replace(device, "createBuffer", (create) => (buffer) => {
        if (tap.bytes - tried + buffer.size <= bytes()) return create(buffer);
        const failed = create({ ...buffer, size: TOO_MUCH });
        tried += TOO_MUCH;
        replace(failed, "destroy", (destroy) => () => {
          destroy();
          tried -= TOO_MUCH;
        });
        return failed;
      });
      return device;
    });
    return adapter;
  });
  return tap.gpu;
}
