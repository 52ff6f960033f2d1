import { create, globals } from "webgpu";
import { isSoftware } from "../runtime/adapter.ts";
import { WindowseatError } from "../runtime/failure.ts";
import { pauseBetweenPolls } from "./polls.ts";

/** WebGPU in Node, by Dawn; also puts the flags and error classes where a browser has them. */
export function openDawn(): GPU {
  Object.assign(globalThis, globals);
  // Rounded timestamps tell nothing about kernels of microseconds; there is no page here that could abuse exact ones.
  const off = ["timestamp_quantization"];
  // SwiftShader writes out the zeros of workgroup memory one by one: half of all the time that it compiles.
  if (process.env.VK_ICD_FILENAMES?.includes("swiftshader"))
    off.push("use_vulkan_zero_initialize_workgroup_memory_extension");
  const gpu = create([`disable-dawn-features=${off.join(",")}`]);
  const requestAdapter = gpu.requestAdapter.bind(gpu);
  gpu.requestAdapter = async (options) => {
    const adapter = await requestAdapter(options);
    if (adapter === null) {
      throw new WindowseatError(
        "no_adapter",
        "Dawn finds no GPU on this machine; install its Vulkan driver, or a software one such as lavapipe and name its file in VK_ICD_FILENAMES.",
      );
    }
    if (isSoftware(adapter.info)) pauseBetweenPolls();
    return adapter;
  };
  return gpu;
}
