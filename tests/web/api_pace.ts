import assert from "node:assert/strict";
import OpenAI from "openai";
import type { Connect } from "../../web/src/api/connection.ts";
import { loadEngine, type WindowseatEngine } from "../../web/src/api/engine.ts";
import { createHost } from "../../web/src/engine/host.ts";
import { gpu } from "./gpu.ts";
import { toyBundle } from "./toy_bundle.ts";
import { HELLO } from "./toy_engine.ts";

/**
 * `node api_pace.mjs`: prints what the API takes of each token, in microseconds of the processor, alone and with OpenAI's
 * client. Not a test of Node's runner, whose hooks on every promise take more than the API does.
 */

const TOKENS = 5000;

/** The toy's engine, whose first piece of each answer is heard as often as a long answer has tokens, with no GPU between. */
const connect: Connect = (listen) => {
  let repeated = false;
  const { receive, close } = createHost(
    (message) => {
      const times = message.kind === "delta" && !repeated ? TOKENS : 1;
      repeated = message.kind === "delta";
      for (let i = 0; i < times; i += 1) listen(message);
    },
    { gpu, fetch: toyBundle().fetch },
  );
  return { send: receive, close };
};

/** Microseconds of the processor for each token: the least of a few runs, as the first compiles and noise only adds. */
async function pace(read: () => Promise<number>): Promise<number> {
  let micros = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 4; run += 1) {
    const before = process.cpuUsage();
    assert.ok((await read()) >= TOKENS);
    const { user, system } = process.cpuUsage(before);
    micros = Math.min(micros, (user + system) / TOKENS);
  }
  return micros;
}

async function count(chunks: AsyncIterable<unknown>): Promise<number> {
  let n = 0;
  for await (const _ of chunks) n += 1;
  return n;
}

const engine: WindowseatEngine = await loadEngine(connect, "http://toy", {});
const client = new OpenAI({ baseURL: "http://e/v1", apiKey: "none", fetch: engine.fetch });
const request = { ...HELLO, model: "toy", stream: true } as const;
const alone = await pace(async () => count(await engine.chat.completions.create(request)));
const through = await pace(async () => count(await client.chat.completions.create(request)));
engine.close();
console.log(JSON.stringify({ alone, through }));
