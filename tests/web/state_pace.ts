import { loadEngine } from "../../web/src/api/engine.ts";
import { createHost } from "../../web/src/engine/host.ts";
import { fetchFromDisk } from "../../web/src/node/folder.ts";
import { gpu } from "./gpu.ts";
import { madeUp } from "./toy_model.ts";

/**
 * `node state_pace.mjs BUNDLE [TOKENS]`: reads a prompt of so many tokens, saves the session and restores it; prints the bytes
 * and the milliseconds of each, the best of a few, and what the first token after it takes.
 */

const [bundle = "", tokens = "4096"] = process.argv.slice(2);
const ROUNDS = 3;
const length = Number(tokens);

const engine = await loadEngine(
  (listen) => {
    const { receive, close } = createHost(listen, { gpu, fetch: fetchFromDisk });
    return { send: receive, close };
  },
  bundle,
  { context: length + 64 },
);

async function timed<T>(work: () => Promise<T>): Promise<[ms: number, result: T]> {
  const started = performance.now();
  const result = await work();
  return [performance.now() - started, result];
}

const prompt = madeUp(length);
const read = engine.session();
await read.completions.create({ prompt, max_tokens: 1 });
const saves: number[] = [];
const restores: number[] = [];
let bytes = 0;
let nextToken = 0;
for (let round = 0; round < ROUNDS; round += 1) {
  const [saving, saved] = await timed(() => read.save());
  const [restoring, session] = await timed(() => engine.restore(saved));
  const ask = { prompt: [...prompt, 1], max_tokens: 1 };
  [nextToken] = await timed(() => session.completions.create(ask));
  await session.close();
  saves.push(saving);
  restores.push(restoring);
  bytes = saved.byteLength;
}
engine.close();
const [save, restore] = [Math.min(...saves), Math.min(...restores)];
console.log(JSON.stringify({ bytes, save, restore, nextToken }));
