import { sizeText, type TextKey, text } from "../texts.ts";
import type { Fit } from "./fit.ts";

/** Features and limits of WebGPU in words for people; the other limits are the same nearly everywhere. */
const NAMES: Readonly<Record<string, TextKey>> = {
  "shader-f16": "fact_f16",
  subgroups: "fact_subgroups",
  maxStorageBufferBindingSize: "fact_binding",
  maxBufferSize: "fact_buffer",
  maxComputeInvocationsPerWorkgroup: "fact_threads",
  maxComputeWorkgroupStorageSize: "fact_workgroup",
};

/** Whether a model runs here, in a sentence. */
export function fitText(fit: Fit): string {
  switch (fit.kind) {
    case "fits":
      return text("fits", { memory: sizeText(fit.memory) });
    case "tight":
      return text("tight", { memory: sizeText(fit.memory) });
    case "no_room":
      return text("no_room");
    case "no_webgpu":
      return text("lacks_webgpu");
    case "no_adapter":
      return text("lacks_adapter");
    case "too_small": {
      const name = NAMES[fit.lacks];
      return text("lacks", { what: name === undefined ? fit.lacks : text(name) });
    }
  }
}
