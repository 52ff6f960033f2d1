import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BROKEN_RIVAL, SLOW_RIVAL, simulate, toyBundle } from "./toy_bundle.ts";

/**
 * `node toy_folder.mjs FOLDER PROMPT COUNT`: writes the toy bundle, beside it two with two variants and another model,
 * and prints the greedy ids for a JSON prompt.
 */
const [folder = "", prompt = "[]", count = "0"] = process.argv.slice(2);
for (const [place, toy] of Object.entries({
  [folder]: toyBundle(),
  [`${folder}_rivals`]: toyBundle(SLOW_RIVAL),
  [`${folder}_broken_rival`]: toyBundle(BROKEN_RIVAL),
  [join(dirname(folder), "other_toy")]: toyBundle({ numbers: 1 }),
})) {
  mkdirSync(place, { recursive: true });
  for (const [path, bytes] of toy.files) writeFileSync(join(place, path), bytes);
}
console.log(JSON.stringify(simulate(JSON.parse(prompt), Number(count))));
