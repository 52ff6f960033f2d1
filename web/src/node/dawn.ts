import { create, globals } from "webgpu";

/** WebGPU in Node, by Dawn; also puts the flags and error classes where a browser has them. */
export function openDawn(): GPU {
  Object.assign(globalThis, globals);
  // Rounded timestamps tell nothing about kernels of microseconds; there is no page here that could abuse exact ones.
  return create(["disable-dawn-features=timestamp_quantization"]);
}
