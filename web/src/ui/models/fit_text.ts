import { sizeText, text } from "../texts.ts";
import type { Fit } from "./fit.ts";

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
    case "too_small":
      return text("lacks", { what: fit.lacks });
  }
}
