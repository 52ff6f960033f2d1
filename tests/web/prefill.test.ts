import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { tapGpu } from "../../web/src/bench/tap.ts";
import type { Conversation } from "../../web/src/runtime/conversation.ts";
import { Pace } from "../../web/src/runtime/pace.ts";
import { leastMissed } from "../../web/src/runtime/snapshots.ts";
import { gpu } from "./gpu.ts";
import { CHUNK, simulate, toyBundle } from "./toy_bundle.ts";
import { callsOfPrefill, GREEDY, load, madeUp, run } from "./toy_model.ts";

describe("the chunks of a prompt", () => {
  it("take about a quarter of a second on whatever device", () => {
    for (const msPerToken of [0.1, 0.6, 2, 5, 14, 90]) {
      const pace = new Pace(512);
      for (let i = 0; i < 3; i += 1) pace.took(pace.chunk, 3 + msPerToken * pace.chunk);
      const wanted = Math.min(512, Math.max(16, 250 / msPerToken));
      assert.ok(
        Math.abs(pace.chunk - wanted) <= 16 + wanted / 20,
        `${pace.chunk} at ${msPerToken}`,
      );
    }
  });

  it("follow a device that slows down or has rested", () => {
    const pace = new Pace(256);
    pace.took(64, 20);
    assert.equal(pace.chunk, 256);
    pace.took(256, 1000);
    assert.equal(pace.chunk, 64);
    pace.took(64, 100);
    assert.equal(pace.chunk, 160);
  });

  it("are not judged by a few tokens, which cost what a chunk costs", () => {
    const pace = new Pace(256);
    pace.took(3, 240);
    assert.equal(pace.chunk, 64);
  });

  it("take what the kernels take when that is less", () => {
    const pace = new Pace(8);
    pace.took(8, 1);
    assert.equal(pace.chunk, 8);
    pace.took(8, 10_000);
    assert.equal(pace.chunk, 8);
  });

  it("are at most two ahead of a stop, and each is told of", async () => {
    const model = await load();
    const prompt = madeUp(10 * CHUNK);
    const stop = new AbortController();
    const told: number[] = [];
    await run(model, prompt, {
      signal: stop.signal,
      onPrefill: (done) => {
        told.push(done);
        if (done === 2 * CHUNK) stop.abort();
      },
    });
    assert.deepEqual(told, [0, CHUNK, 2 * CHUNK]);
    const { cached } = await run(model, prompt, { maxTokens: 1 });
    assert.ok(cached <= 4 * CHUNK, `${cached} tokens were read in spite of the stop`);
    model.close();
  });
});

describe("the places that a prompt is kept at", () => {
  const prompt = madeUp(3 * CHUNK + 2);

  /** The tokens of each call, and that every place is one to go back to. */
  async function calls(keepAt: readonly number[]): Promise<number[]> {
    const tap = tapGpu(gpu);
    const model = await load(toyBundle(), { gpu: tap.gpu });
    const read = callsOfPrefill(tap.device);
    await run(model, prompt, { maxTokens: 1, keepAt });
    const made = read();
    for (const place of keepAt.filter((at) => at < prompt.length).toReversed()) {
      const next = [...prompt.slice(0, place), 150, 149];
      const { ids, cached } = await run(model, next, { maxTokens: 3 });
      assert.equal(cached, place);
      assert.deepEqual(ids, simulate(next, 3));
    }
    model.close();
    return made;
  }

  it("are passed without a call of their own", async () => {
    assert.deepEqual(await calls([20]), [8, 8, 8, 2]);
  });

  it("end the call where there are two", async () => {
    assert.deepEqual(await calls([18, 22]), [8, 8, 6, 4]);
  });

  it("may lie past its end", async () => {
    assert.deepEqual(await calls([20, 100]), [8, 8, 8, 2]);
  });

  /** Asks for what follows the beginning of the prompt, up to `place`, which the conversation must not have forgotten. */
  async function goBack(conversation: Conversation, place: number): Promise<void> {
    const next = [...prompt.slice(0, place), 150, 149];
    assert.equal(conversation.reusable(next), place);
    const token = await conversation.prefill(next, { sampling: GREEDY });
    assert.equal(token, simulate(next, 1)[0]);
  }

  it("are each conversation's own, though chunks of others come between its own", async () => {
    const model = await load();
    const other = await model.begin();
    assert.ok(other);
    let passes = 0;
    const pass = async (): Promise<void> => {
      passes += 1;
      await other.prefill(madeUp(6, passes), { sampling: GREEDY, keepAt: [4] });
    };
    const turn = { isOver: () => true, pass };
    await model.first.prefill(prompt, { sampling: GREEDY, keepAt: [20], turn });
    assert.equal(passes, 3);
    await goBack(model.first, 20);
    model.close();
  });

  it("are kept although the answer's form fails", async () => {
    const model = await load();
    const allowed = async (): Promise<never> => {
      throw new Error("no form");
    };
    const constraint = { allowed, accept: () => {} };
    const asked = model.first.prefill(prompt, { sampling: GREEDY, constraint, keepAt: [25] });
    await assert.rejects(asked, /no form/);
    await goBack(model.first, 25);
    model.close();
  });
});

describe("snapshots of a conversation", () => {
  it("make room where the least is lost, and stay in the newer half", () => {
    assert.equal(leastMissed([10, 20, 25, 30, 40, 50, 60, 70]), 2);
    assert.equal(leastMissed([100, 200, 300, 400, 401, 402, 403, 404]), 3);
    assert.equal(leastMissed([5, 100, 200, 300, 301]), 0);
    assert.equal(leastMissed([7, 9]), 0);
  });

  it("of a long chat are spread over it", () => {
    const kept: number[] = [];
    for (let at = 10; at <= 400; at += 10) {
      if (kept.length === 8) kept.splice(leastMissed(kept), 1);
      kept.push(at);
    }
    assert.deepEqual(kept.slice(-4), [370, 380, 390, 400]);
    const gaps = kept.map((at, i) => at - (kept[i - 1] ?? 0));
    assert.ok(Math.max(...gaps) <= 160, kept.join());
  });
});
