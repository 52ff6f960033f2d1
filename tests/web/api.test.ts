import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Connect } from "../../web/src/api/connection.ts";
import { loadEngine, type WindowseatEngine } from "../../web/src/api/engine.ts";
import type { ChatChunk, ChatParams } from "../../web/src/api/types.ts";
import { createHost } from "../../web/src/engine/host.ts";
import { gpu } from "./gpu.ts";
import { loadParrot } from "./parrot.ts";
import { simulate, toyBundle } from "./toy_bundle.ts";
import { HELLO, HELLO_IDS, loadToy, tokenText, toyText } from "./toy_engine.ts";

const IDS = simulate(HELLO_IDS, 40);
/** The only settings with which the toy draws: everything else takes one and the same token. */
const DRAWN = { temperature: 0.5, top_k: 3, top_p: 0.25, min_p: 0.125 };

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

const textOf = (chunks: readonly ChatChunk[], index = 0): string =>
  chunks
    .flatMap(({ choices }) => choices)
    .map((choice) => (choice.index === index ? (choice.delta.content ?? "") : ""))
    .join("");

describe("an engine of the API", () => {
  let engine: WindowseatEngine;
  before(async () => {
    engine = await loadToy();
  });
  after(() => engine.close());

  it("answers a conversation in OpenAI's shape", async () => {
    await engine.completions.create({ prompt: [1], max_tokens: 1 });
    const { id, created, usage, ...rest } = await engine.chat.completions.create(HELLO);
    assert.match(id, /^chatcmpl-[0-9a-f-]{36}$/);
    assert.ok(Math.abs(Date.now() / 1000 - created) < 60);
    const message = { role: "assistant", content: toyText(IDS.slice(0, 8)), refusal: null };
    assert.deepEqual(rest, {
      object: "chat.completion",
      model: "toy",
      system_fingerprint: rest.system_fingerprint,
      choices: [{ index: 0, message, logprobs: null, finish_reason: "length" }],
    });
    assert.match(rest.system_fingerprint, /^base-[0-9a-f]{8}$/);
    const { timings, ...counts } = usage;
    assert.deepEqual(counts, {
      prompt_tokens: 8,
      completion_tokens: 8,
      total_tokens: 16,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0 },
    });
    assert.ok(Object.values(timings).every((value) => value > 0));
  });

  it("streams the same text: the role first, the reason last, then the usage that was asked for", async () => {
    const stream = await engine.chat.completions.create({
      ...HELLO,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await all(stream);
    assert.equal(textOf(chunks), toyText(IDS.slice(0, 8)));
    assert.deepEqual(chunks[0]?.choices[0]?.delta, { role: "assistant", content: "" });
    assert.deepEqual(chunks.at(-2)?.choices[0], {
      index: 0,
      delta: {},
      logprobs: null,
      finish_reason: "length",
    });
    const last = chunks.at(-1);
    assert.deepEqual([last?.choices, last?.usage?.completion_tokens], [[], 8]);
    assert.ok(chunks.slice(0, -1).every(({ usage }) => usage === null));
    assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
  });

  it("ends before a stop text that several tokens make, and shows nothing of it", async () => {
    const text = toyText(IDS);
    const stop = text.slice(9, 13);
    const request = { ...HELLO, max_completion_tokens: 40, stop: ["never so", stop] };
    const { choices, usage } = await engine.chat.completions.create(request);
    assert.equal(choices[0]?.message.content, text.slice(0, text.indexOf(stop)));
    assert.equal(choices[0]?.finish_reason, "stop");
    assert.ok(usage.completion_tokens < 40);
    const chunks = await all(await engine.chat.completions.create({ ...request, stream: true }));
    assert.equal(textOf(chunks), text.slice(0, text.indexOf(stop)));
  });

  it("makes several choices, the next one drawn as its seed alone would be", async () => {
    const request = { ...HELLO, ...DRAWN, seed: 7 };
    const content = async (params: ChatParams & { stream?: false }): Promise<(string | null)[]> =>
      (await engine.chat.completions.create(params)).choices.map(({ message }) => message.content);
    const both = await content({ ...request, n: 2 });
    assert.deepEqual(both, [
      ...(await content(request)),
      ...(await content({ ...request, seed: 8 })),
    ]);
    assert.notEqual(both[0], both[1]);
    const chunks = await all(
      await engine.chat.completions.create({ ...request, n: 2, stream: true }),
    );
    assert.deepEqual([textOf(chunks, 0), textOf(chunks, 1)], both);
  });

  it("draws with another seed every time unless one is given", async () => {
    const drawn = new Set<string | null | undefined>();
    for (let i = 0; i < 3; i += 1) {
      const { choices } = await engine.chat.completions.create({ ...HELLO, ...DRAWN });
      drawn.add(choices[0]?.message.content);
    }
    assert.ok(drawn.size > 1);
  });

  it("thinks when it is told to, and gives the thought as reasoning_content", async () => {
    const request = { ...HELLO, enable_thinking: true, max_completion_tokens: 5 };
    const { choices, usage } = await engine.chat.completions.create(request);
    const thought = toyText(simulate([...HELLO_IDS, 258], 5)).trim();
    assert.deepEqual(choices[0]?.message, {
      role: "assistant",
      content: "",
      refusal: null,
      reasoning_content: thought,
    });
    assert.equal(usage.completion_tokens_details.reasoning_tokens, 5);
  });

  it("tells log-probabilities of the content's tokens", async () => {
    const request = { ...HELLO, logprobs: true, top_logprobs: 2 };
    const { choices } = await engine.chat.completions.create(request);
    const content = choices[0]?.logprobs?.content ?? [];
    assert.deepEqual(
      content.map(({ token }) => token),
      IDS.slice(0, 8).map(tokenText),
    );
    for (const { top_logprobs, ...chosen } of content) {
      assert.equal(top_logprobs.length, 2);
      assert.deepEqual(top_logprobs[0], chosen, "greedy takes the likeliest");
    }
    const chunks = await all(await engine.chat.completions.create({ ...request, stream: true }));
    const streamed = chunks.flatMap(({ choices }) => choices[0]?.logprobs?.content ?? []);
    assert.deepEqual(streamed, content);
  });

  it("goes on from a text or from token ids, with no template around them", async () => {
    const greedy = { max_tokens: 6, temperature: 0 };
    const ids = [...new TextEncoder().encode("abc")];
    const expected = toyText(simulate(ids, 6));
    const byText = await engine.completions.create({ ...greedy, prompt: "abc", logprobs: 1 });
    const byIds = await engine.completions.create({ ...greedy, prompt: ids });
    assert.deepEqual([byText.choices[0]?.text, byIds.choices[0]?.text], [expected, expected]);
    assert.equal(byIds.usage.prompt_tokens, 3);
    assert.deepEqual(byText.choices[0]?.logprobs?.tokens, simulate(ids, 6).map(tokenText));
    const chunks = await all(
      await engine.completions.create({ ...greedy, prompt: "abc", stream: true }),
    );
    assert.equal(chunks.map(({ choices }) => choices[0]?.text).join(""), expected);
    assert.equal(chunks.at(-1)?.choices[0]?.finish_reason, "length");
  });

  it("answers in the order of the requests", async () => {
    const order: number[] = [];
    const ask = async (n: number): Promise<void> => {
      await engine.chat.completions.create(HELLO);
      order.push(n);
    };
    await Promise.all([ask(1), ask(2), ask(3)]);
    assert.deepEqual(order, [1, 2, 3]);
  });

  it("shows nothing of a character that the limit cuts", async () => {
    const parrot = await loadParrot();
    const messages = [{ role: "user" as const, content: "é🙂" }];
    const { choices } = await parrot.chat.completions.create({
      messages,
      temperature: 0,
      max_completion_tokens: 5,
    });
    parrot.close();
    assert.deepEqual([choices[0]?.message.content, choices[0]?.finish_reason], ["é", "length"]);
  });

  it("ends a request by its signal, running or queued, and answers the next", async () => {
    const long = { ...HELLO, max_completion_tokens: 80 };
    const [running, queued] = [new AbortController(), new AbortController()];
    const stream = await engine.chat.completions.create(
      { ...long, stream: true },
      { signal: running.signal },
    );
    const waiting = engine.chat.completions.create(long, { signal: queued.signal });
    queued.abort();
    await assert.rejects(waiting, { name: "AbortError" });
    running.abort();
    await assert.rejects(all(stream), { name: "AbortError" });
    await assert.rejects(
      engine.chat.completions.create(long, { signal: AbortSignal.abort(new Error("mine")) }),
      { message: "mine" },
    );
    assert.equal((await engine.chat.completions.create(HELLO)).usage.completion_tokens, 8);
  });

  it("ends a stream that is left, or whose controller says so", async () => {
    const long = { ...HELLO, max_completion_tokens: 80, stream: true } as const;
    const left = await engine.chat.completions.create(long);
    for await (const chunk of left) if (textOf([chunk]) !== "") break;
    const aborted = await engine.chat.completions.create(long);
    aborted.controller.abort();
    await assert.rejects(all(aborted), { name: "AbortError" });
    assert.equal((await engine.chat.completions.create(HELLO)).usage.completion_tokens, 8);
  });

  it("lists its model", async () => {
    const { data } = await engine.models.list();
    assert.deepEqual(
      data.map(({ id, object }) => [id, object]),
      [["toy", "model"]],
    );
  });
});

describe("loading", () => {
  it("says how far it is, and what went wrong", async () => {
    const stages = new Set<string>();
    const engine = await loadToy({ onProgress: ({ stage }) => stages.add(stage), context: 64 });
    assert.deepEqual([...stages], ["manifest", "weights", "kernels"]);
    assert.equal(engine.model.context, 64);
    const open = engine.chat.completions.create(HELLO);
    engine.close();
    await assert.rejects(open, /The engine was closed/);
    await assert.rejects(engine.chat.completions.create(HELLO), /The engine was closed/);
    await assert.rejects(loadToy({ context: 5000 }), { code: "invalid_value", status: 400 });
    const empty = { ...toyBundle(), fetch: async () => new Response(null, { status: 404 }) };
    await assert.rejects(loadToy({}, empty), { type: "server_error", code: "missing_file" });
  });

  it("refuses an option that is wrong, or that it does not know", async () => {
    const wrong: readonly (readonly [options: string, param: string, code: string])[] = [
      ['{ "kvCache": "q4" }', "kvCache", "invalid_value"],
      ['{ "context": "all" }', "context", "invalid_type"],
      ['{ "cache": "no" }', "cache", "invalid_type"],
      ['{ "contxt": 64 }', "contxt", "unknown_parameter"],
    ];
    for (const [options, param, code] of wrong) {
      await assert.rejects(loadToy(JSON.parse(options)), { param, code });
    }
  });

  it("ends by its signal with the signal's reason", async () => {
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    await assert.rejects(loadToy({ signal: controller.signal, onProgress }), {
      name: "AbortError",
    });
  });

  it("leaves no model with whoever ended it, though it was on its way already", async () => {
    const controller = new AbortController();
    const gone: string[] = [];
    const connect: Connect = (listen) => {
      const host = createHost(
        (message) => {
          if (message.kind === "ready") controller.abort();
          listen(message);
        },
        { gpu, fetch: toyBundle().fetch },
      );
      const close = (): void => {
        gone.push("closed");
        host.close();
      };
      return { send: host.receive, close };
    };
    const loading = loadEngine(connect, "http://toy", { signal: controller.signal });
    await assert.rejects(loading, { name: "AbortError" });
    assert.deepEqual(gone, ["closed"]);
  });
});
