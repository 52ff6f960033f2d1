import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { WindowseatEngine } from "../../web/src/api/engine.ts";
import "./gpu.ts";
import { simulate } from "./toy_bundle.ts";
import { loadToy, toyText } from "./toy_engine.ts";
import { madeUp } from "./toy_model.ts";

type Asked = Pick<WindowseatEngine, "completions">;

describe("requests of several sessions", () => {
  let engine: WindowseatEngine;
  before(async () => {
    engine = await loadToy({ context: 4096 });
  });
  after(() => engine.close());

  const write = async ({ completions }: Asked, prompt: number[], tokens: number): Promise<void> => {
    const request = { prompt, max_tokens: tokens, temperature: 0 };
    const { choices } = await completions.create(request);
    assert.equal(choices[0]?.text, toyText(simulate(prompt, tokens)));
  };

  it("take turns, and each gets the tokens that it would get alone", async () => {
    const sessions = Array.from({ length: 4 }, () => engine.session());
    const ends: number[] = [];
    const lengths = [540, 180, 60, 20];
    await Promise.all(
      sessions.map(async (session, i) => {
        await write(session, madeUp(10 + i, i), lengths[i] ?? 0);
        ends.push(i);
      }),
    );
    assert.deepEqual(ends, [3, 2, 1, 0], "the shorter an answer, the sooner it is there");
    await Promise.all(sessions.map((session) => session.close()));
  });

  it("come forward at one pace", async () => {
    const made = [0, 0];
    const counts: number[] = [];
    const count = async (i: 0 | 1): Promise<void> => {
      const session = engine.session();
      const request = { prompt: madeUp(10, i), max_tokens: 100, logprobs: 0, temperature: 0 };
      for await (const { choices } of await session.completions.create({
        ...request,
        stream: true,
      })) {
        made[i] = (made[i] ?? 0) + (choices[0]?.logprobs?.tokens.length ?? 0);
        if (Math.max(...made) < 90) counts.push(Math.abs((made[0] ?? 0) - (made[1] ?? 0)));
      }
      await session.close();
    };
    await Promise.all([count(0), count(1)]);
    assert.ok(counts.length > 100);
    // Equal in time, not in tokens: a busy machine may hold up one of them in its turn.
    assert.ok(Math.max(...counts) < 60, `one was ${Math.max(...counts)} tokens ahead`);
  });

  it("do not wait for a long answer, nor for a long prompt", async () => {
    const [answering, reading, quick] = [engine.session(), engine.session(), engine.session()];
    let over = 0;
    const noted = async (long: Promise<void>): Promise<void> => {
      await long;
      over += 1;
    };
    const long = [noted(write(answering, madeUp(10), 600)), noted(write(reading, madeUp(1200), 1))];
    for (let i = 0; i < 3; i += 1) await write(quick, madeUp(10, i), 5);
    assert.equal(over, 0, "three short ones came and went meanwhile");
    await Promise.all(long);
  });

  it("end by a stop while they wait for their turn", async () => {
    const long = write(engine.session(), madeUp(10), 300);
    const controller = new AbortController();
    const ended = engine
      .session()
      .completions.create({ prompt: [1, 2], max_tokens: 2000 }, { signal: controller.signal });
    await write(engine.session(), madeUp(12), 5);
    controller.abort();
    await assert.rejects(ended, { name: "AbortError" });
    await write(engine.session(), madeUp(12), 5);
    await long;
  });

  it("of one session are answered in their order", async () => {
    const session = engine.session();
    const order: number[] = [];
    const ask = async (n: number): Promise<void> => {
      await write(session, madeUp(10 + n), 60 - 20 * n);
      order.push(n);
    };
    await Promise.all([ask(0), ask(1), ask(2)]);
    assert.deepEqual(order, [0, 1, 2]);
  });
});
