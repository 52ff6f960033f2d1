import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { simulate, toyBundle } from "./toy_bundle.ts";

/** `node toy_folder.mjs FOLDER PROMPT COUNT`: writes the toy bundle and prints its greedy ids for a JSON prompt. */
const [folder = "", prompt = "[]", count = "0"] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
for (const [path, bytes] of toyBundle().files) writeFileSync(join(folder, path), bytes);
console.log(JSON.stringify(simulate(JSON.parse(prompt), Number(count))));
