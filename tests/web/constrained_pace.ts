import { loadEngine } from "../../web/src/api/engine.ts";
import type { ResponseFormat } from "../../web/src/api/types.ts";
import { createHost } from "../../web/src/engine/host.ts";
import { fetchFromDisk } from "../../web/src/node/folder.ts";
import { gpu } from "./gpu.ts";

/**
 * `node constrained_pace.mjs BUNDLE [TOKENS]`: prints what a token takes that may be any, and one that a schema holds, in
 * milliseconds, and the ratio. Random weights serve: they write nonsense, in strings that have no end.
 */

const [bundle = "", tokens = "32"] = process.argv.slice(2);
const ROUNDS = 3;

const engine = await loadEngine(
  (listen) => {
    const { receive, close } = createHost(listen, { gpu, fetch: fetchFromDisk });
    return { send: receive, close };
  },
  bundle,
  { context: 512 },
);
const schema = { type: "array", items: { type: "string" }, minItems: 100 };
const held: ResponseFormat = { type: "json_schema", json_schema: { name: "list", schema } };

/** Milliseconds a token, once the first one is there. */
async function pace(response_format: ResponseFormat): Promise<number> {
  const stream = await engine.chat.completions.create({
    messages: [{ role: "user", content: "Write." }],
    max_completion_tokens: Number(tokens),
    response_format,
    stream: true,
    temperature: 1,
    seed: 1,
    stream_options: { include_usage: true },
  });
  let speed = Number.NaN;
  for await (const { usage } of stream) speed = usage?.timings.predicted_per_second ?? speed;
  return 1000 / speed;
}

const free: number[] = [];
const constrained: number[] = [];
for (let round = 0; round <= ROUNDS; round += 1) {
  const [one, other] = [await pace({ type: "text" }), await pace(held)];
  if (round === 0) continue; // compiles the grammar and what is first used
  free.push(one);
  constrained.push(other);
}
engine.close();
const [alone, both] = [Math.min(...free), Math.min(...constrained)];
console.log(JSON.stringify({ free: alone, constrained: both, ratio: both / alone }));
