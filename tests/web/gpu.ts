import { existsSync } from "node:fs";
import { openDawn } from "../../web/src/node/dawn.ts";

/** Where Debian's chromium package puts the software adapter: a GPU for machines without one. */
const SWIFTSHADER = "/usr/lib/chromium/vk_swiftshader_icd.json";

if (process.env.VK_ICD_FILENAMES === undefined && existsSync(SWIFTSHADER)) {
  process.env.VK_ICD_FILENAMES = SWIFTSHADER;
}

export const gpu = openDawn();
await gpu.requestAdapter(); // where there is none, it says so
