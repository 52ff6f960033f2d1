import assert from "node:assert/strict";
import { describe, it } from "node:test";
import OpenAI from "openai";
import type { Connect } from "../../web/src/api/connection.ts";
import { loadEngine, type WindowseatEngine } from "../../web/src/api/engine.ts";
import { createHost } from "../../web/src/engine/host.ts";
import { gpu, needsGpu } from "./gpu.ts";
import { toyBundle } from "./toy_bundle.ts";
import { HELLO } from "./toy_engine.ts";

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

/** Microseconds of the processor for each token; the second of two runs, as the first compiles. */
async function pace(read: () => Promise<number>): Promise<number> {
  let micros = 0;
  for (let run = 0; run < 2; run += 1) {
    const before = process.cpuUsage();
    assert.ok((await read()) >= TOKENS);
    const { user, system } = process.cpuUsage(before);
    micros = (user + system) / TOKENS;
  }
  return micros;
}

async function count(chunks: AsyncIterable<unknown>): Promise<number> {
  let n = 0;
  for await (const _ of chunks) n += 1;
  return n;
}

describe("the API", needsGpu, () => {
  it("takes less than 50 µs of a token, and tells what it takes with OpenAI's client", async (test) => {
    const engine: WindowseatEngine = await loadEngine(connect, "http://toy", {});
    const client = new OpenAI({ baseURL: "http://e/v1", apiKey: "none", fetch: engine.fetch });
    const alone = await pace(async () =>
      count(await engine.chat.completions.create({ ...HELLO, stream: true })),
    );
    const request = { ...HELLO, model: "toy", stream: true } as const;
    const through = await pace(async () => count(await client.chat.completions.create(request)));
    engine.close();
    test.diagnostic(
      `${alone.toFixed(1)} µs a token; ${through.toFixed(1)} µs with OpenAI's client`,
    );
    assert.ok(alone < 50);
  });
});
