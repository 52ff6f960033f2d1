import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Engine } from "../../web/src/engine/engine.ts";
import { Guest } from "../../web/src/engine/guest.ts";
import type { FromEngine, GenerateRequest } from "../../web/src/runtime/messages.ts";
import { gpu } from "./gpu.ts";
import { IM_END, IM_START, simulate, type ToyChoice, toyBundle } from "./toy_bundle.ts";
import { bytes, tokenText, toyText } from "./toy_engine.ts";

const GREEDY = { temperature: 0, top_k: 0, top_p: 1, seed: 0 };
const HELLO = [{ role: "user" as const, content: "hé" }];
/** What the toy template and tokenizer make of HELLO. */
const HELLO_IDS = [IM_START, ...bytes("uhé"), IM_END, IM_START, ...bytes("a")];

async function load(choice: ToyChoice = {}): Promise<Guest> {
  const engine = await Engine.load("http://toy", { gpu, fetch: toyBundle(choice).fetch });
  return new Guest(engine, () => {});
}

async function ask(guest: Guest, request: Partial<GenerateRequest>): Promise<FromEngine[]> {
  const messages: FromEngine[] = [];
  const whole = { id: 1, messages: HELLO, sampling: GREEDY, maxTokens: 8, ...request };
  await guest.generate(whole, (message) => messages.push(message));
  return messages;
}

function textOf(messages: readonly FromEngine[], channel = "answer"): string {
  return messages
    .map((message) => (message.kind === "delta" && message.channel === channel ? message.text : ""))
    .join("");
}

function last(messages: readonly FromEngine[]): FromEngine {
  const message = messages.at(-1);
  assert.ok(message);
  return message;
}

function failureOf(messages: readonly FromEngine[]): string {
  const message = last(messages);
  assert.equal(messages.length, 1, "a failure comes alone");
  assert.equal(message.kind, "failed");
  return message.kind === "failed" ? `${message.failure.code}: ${message.failure.message}` : "";
}

describe("an engine", () => {
  it("says what it has loaded", async () => {
    const guest = await load();
    const { name, variant, context, thinks, weightBytes, loadMs } = guest.engine.summary;
    assert.deepEqual(
      [name, variant, context, thinks, weightBytes],
      ["toy", "base", 96, true, 2324],
    );
    assert.ok(loadMs > 0);
    guest.engine.close();
  });

  it("renders, reads, decodes and counts", async () => {
    const guest = await load();
    const messages = await ask(guest, {});
    assert.equal(textOf(messages), toyText(simulate(HELLO_IDS, 8)));
    const done = last(messages);
    assert.ok(done.kind === "done" && done.reason === "length");
    const { promptTokens, cachedTokens, completionTokens, firstTokenMs } = done.usage;
    assert.deepEqual([promptTokens, cachedTokens, completionTokens], [HELLO_IDS.length, 0, 8]);
    assert.ok(firstTokenMs > 0 && done.usage.tokensPerSecond > 0);
    guest.engine.close();
  });

  it("ends at any of the stop tokens and does not show it", async () => {
    const made = simulate(HELLO_IDS, 6);
    const guest = await load({ stopTokens: [99_999, ...made.slice(5)] });
    const messages = await ask(guest, { maxTokens: 50 });
    const done = last(messages);
    assert.ok(done.kind === "done" && done.reason === "stop");
    assert.equal(done.usage.completionTokens, 5);
    assert.equal(textOf(messages), toyText(made.slice(0, 5)));
    guest.engine.close();
  });

  it("keeps the history of the turn before, whatever became of its answer", async () => {
    const guest = await load();
    await ask(guest, {});
    const next = [...HELLO, { role: "assistant" as const, content: "x" }, ...HELLO];
    const done = last(await ask(guest, { id: 2, messages: next }));
    assert.ok(done.kind === "done");
    assert.equal(done.usage.cachedTokens, HELLO_IDS.length - 2, "all but <|im_start|>a");
    guest.engine.close();
  });

  it("reads of a changed question, or of one asked again, no more than its own words", async () => {
    const guest = await load();
    const question = (content: string) => [
      ...HELLO,
      { role: "assistant" as const, content: "x".repeat(20) },
      { role: "user" as const, content },
    ];
    const read = async (id: number, content: string): Promise<number> => {
      const done = last(await ask(guest, { id, messages: question(content) }));
      assert.ok(done.kind === "done");
      return done.usage.promptTokens - done.usage.cachedTokens;
    };
    await ask(guest, {});
    await read(2, "why?");
    assert.equal(await read(3, "why?"), 2, "<|im_start|>a");
    assert.equal(await read(4, "how?"), 4 + 3, "the words, <|im_end|> and <|im_start|>a");
    guest.engine.close();
  });

  it("answers in the order of the requests, one at a time", async () => {
    const guest = await load();
    const order: string[] = [];
    const put = (id: number) =>
      guest.generate({ id, messages: HELLO, sampling: GREEDY, maxTokens: 3 }, (message) => {
        order.push(`${id} ${message.kind}`);
      });
    await Promise.all([put(1), put(2), put(3)]);
    const ends = order.filter((entry) => entry.endsWith("done"));
    assert.deepEqual(ends, ["1 done", "2 done", "3 done"]);
    assert.ok(order.indexOf("1 done") < order.indexOf("2 prefilling"), order.join());
    guest.engine.close();
  });

  it("stops a running request and drops a queued one", async () => {
    const guest = await load();
    const seen: FromEngine[] = [];
    const emit = (message: FromEngine): void => {
      seen.push(message);
      if (message.kind === "delta") guest.stop(1);
    };
    const first = guest.generate({ id: 1, messages: HELLO, sampling: GREEDY }, emit);
    const second = guest.generate({ id: 2, messages: HELLO, sampling: GREEDY }, emit);
    guest.stop(2);
    await Promise.all([first, second]);
    const ends = seen.filter((message) => message.kind === "done");
    assert.deepEqual(
      ends.map(({ id, reason }) => [id, reason]),
      [
        [1, "cancelled"],
        [2, "cancelled"],
      ],
    );
    assert.equal(ends[1]?.usage.completionTokens, 0);
    guest.engine.close();
  });

  it("refuses a number that is in use, and lets the first request be", async () => {
    const guest = await load();
    const first = ask(guest, {});
    assert.match(failureOf(await ask(guest, {})), /^bad_request: Request 1 is still running/);
    assert.equal(last(await first).kind, "done");
    guest.engine.close();
  });

  it("refuses what it cannot do, says why, and goes on", async () => {
    const guest = await load();
    const long = [{ role: "user" as const, content: "x".repeat(200) }];
    assert.match(failureOf(await ask(guest, { messages: [] })), /^empty_prompt: /);
    assert.match(
      failureOf(await ask(guest, { messages: [{ role: "user", content: " \n" }] })),
      /^empty_prompt: /,
    );
    assert.match(
      failureOf(await ask(guest, { messages: long })),
      /^prompt_too_long: .*20[0-9] tokens and toy holds 96; start a new/,
    );
    assert.match(
      failureOf(await ask(guest, { messages: [{ role: "user", content: "raise" }] })),
      /^bad_request: .*No raise, please\./,
    );
    const hot = { ...GREEDY, temperature: Number.NaN };
    assert.match(failureOf(await ask(guest, { sampling: hot })), /^bad_request: .*temperature NaN/);
    assert.match(failureOf(await ask(guest, { maxTokens: 0 })), /^bad_request: .*maxTokens 0/);
    assert.equal(last(await ask(guest, {})).kind, "done");
    guest.engine.close();
  });

  it("sends each token's log-probabilities before its text, when they are asked for", async () => {
    const guest = await load();
    const messages = await ask(guest, { sampling: { ...GREEDY, logprobs: 2 } });
    const heard = messages.filter((message) => message.kind === "logprobs");
    const ids = simulate(HELLO_IDS, 8);
    assert.deepEqual(
      heard.map(({ chosen }) => [chosen.token, chosen.text]),
      ids.map((id) => [id, tokenText(id)]),
    );
    for (const { chosen, top } of heard) {
      assert.equal(top.length, 2);
      assert.deepEqual(top[0], chosen, "greedy takes the likeliest");
    }
    guest.engine.close();
  });

  it("sends what comes before the end of a thought as thinking", async () => {
    const guest = await load();
    const messages = await ask(guest, { thinking: true, maxTokens: 5 });
    const prompt = [...HELLO_IDS, 258];
    assert.equal(textOf(messages), "");
    assert.equal(textOf(messages, "thinking"), toyText(simulate(prompt, 5)).trim());
    guest.engine.close();
  });
});
