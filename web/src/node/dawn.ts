import { create, globals } from "webgpu";

/** WebGPU in Node, by Dawn; also puts the flags and error classes where a browser has them. */
export function openDawn(): GPU {
  Object.assign(globalThis, globals);
  return create([]);
}
