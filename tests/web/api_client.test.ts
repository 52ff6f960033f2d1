import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import OpenAI, { APIUserAbortError, BadRequestError, NotFoundError } from "openai";
import { zodFunction, zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import type { WindowseatEngine } from "../../web/src/api/engine.ts";
import type { ChatParams } from "../../web/src/api/types.ts";
import "./gpu.ts";
import { callText, loadParrot } from "./parrot.ts";
import { simulate } from "./toy_bundle.ts";
import { HELLO, HELLO_IDS, loadToy, toyText } from "./toy_engine.ts";

const REQUEST = {
  model: "toy",
  messages: [{ role: "user" as const, content: "hé" }],
  temperature: 0,
  max_completion_tokens: 8,
};
const TEXT = toyText(simulate(HELLO_IDS, 8));

describe("OpenAI's own client", () => {
  let engine: WindowseatEngine;
  let client: OpenAI;
  before(async () => {
    engine = await loadToy();
    client = new OpenAI({ baseURL: "http://engine/v1", apiKey: "none", fetch: engine.fetch });
  });
  after(() => engine.close());

  it("gets an answer, and the same one as a stream", async () => {
    const { choices, usage } = await client.chat.completions.create(REQUEST);
    assert.equal(choices[0]?.message.content, TEXT);
    assert.equal(usage?.completion_tokens, 8);
    const stream = await client.chat.completions.create({
      ...REQUEST,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    let tokens: number | undefined;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? "";
      tokens = chunk.usage?.completion_tokens ?? tokens;
    }
    assert.deepEqual([text, tokens], [TEXT, 8]);
    const final = await client.chat.completions.stream(REQUEST).finalChatCompletion();
    assert.equal(final.choices[0]?.message.content, TEXT);
  });

  it("gets text completions and the models", async () => {
    const { choices } = await client.completions.create({
      model: "toy",
      prompt: HELLO_IDS,
      temperature: 0,
      max_tokens: 8,
    });
    assert.equal(choices[0]?.text, TEXT);
    const names: string[] = [];
    for await (const { id } of client.models.list()) names.push(id);
    assert.deepEqual(names, ["toy"]);
    assert.equal((await client.models.retrieve("toy")).id, "toy");
  });

  it("throws its own errors, with what is wrong in them", async () => {
    const wrong = client.chat.completions.create({ ...REQUEST, top_p: 0 });
    await assert.rejects(wrong, (error) => {
      assert.ok(error instanceof BadRequestError);
      const { status, param, code, type } = error;
      const expected = [400, "top_p", "invalid_value", "invalid_request_error"];
      assert.deepEqual([status, param, code, type], expected);
      return true;
    });
    const long = [{ role: "user" as const, content: "x".repeat(200) }];
    await assert.rejects(
      client.chat.completions.create({ ...REQUEST, messages: long, stream: true }),
      {
        status: 400,
        code: "context_length_exceeded",
      },
    );
    await assert.rejects(
      client.chat.completions.create({ ...REQUEST, model: "gpt" }),
      NotFoundError,
    );
    await assert.rejects(client.models.retrieve("gpt"), { code: "model_not_found" });
    await assert.rejects(client.embeddings.create({ model: "toy", input: "x" }), {
      code: "unknown_url",
    });
  });

  it("ends a request by its signal, or by leaving its stream", async () => {
    const controller = new AbortController();
    const long = { ...REQUEST, max_completion_tokens: 80 };
    const waiting = client.chat.completions.create(long, { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await assert.rejects(waiting, APIUserAbortError);
    for await (const chunk of await client.chat.completions.create({ ...long, stream: true })) {
      if (chunk.choices[0]?.delta.content) break;
    }
    assert.equal((await engine.chat.completions.create(HELLO)).usage.completion_tokens, 8);
  });

  it("may be told of an error by a body that is no JSON and a method that is none", async () => {
    const send = async (init: RequestInit): Promise<[number, string]> => {
      const response = await engine.fetch("/v1/chat/completions", init);
      const { error } = await response.json();
      return [response.status, error.code];
    };
    assert.deepEqual(await send({ method: "POST", body: "{" }), [400, "invalid_json"]);
    assert.deepEqual(await send({ method: "POST", body: "[]" }), [400, "invalid_type"]);
    assert.deepEqual(await send({}), [405, "method_not_supported"]);
    assert.equal((await engine.fetch("/v1/models/%E0%A4%A")).status, 404);
  });

  it("has types that the engine's own answers are of", async () => {
    const whole: OpenAI.ChatCompletion = await engine.chat.completions.create(HELLO);
    const streamed: AsyncIterable<OpenAI.ChatCompletionChunk> =
      await engine.chat.completions.create({ ...HELLO, stream: true });
    const completion: OpenAI.Completion = await engine.completions.create({ prompt: "a" });
    for await (const { id } of streamed) assert.match(id, /^chatcmpl-/);
    assert.deepEqual([whole.choices.length, completion.choices.length], [1, 1]);
    const tools: OpenAI.ChatCompletionFunctionTool[] = [
      { type: "function", function: { name: "f" } },
    ];
    const taken: ChatParams = { ...HELLO, messages: [...HELLO.messages], tools };
    await assert.rejects(engine.chat.completions.create(taken), { param: "tools" });
  });

  it("may send back an answer with what OpenAI has written into it", async () => {
    const extras = { refusal: null, audio: null, function_call: null, annotations: [] };
    const answer = { role: "assistant" as const, content: TEXT, ...extras };
    const messages = [...REQUEST.messages, answer, ...REQUEST.messages];
    const { choices } = await client.chat.completions.create({ ...REQUEST, messages });
    assert.equal(choices[0]?.finish_reason, "length");
  });

  it("has its helpers call functions, and parse answers that go on", async () => {
    const parrot = await loadParrot();
    const { chat } = new OpenAI({
      baseURL: "http://engine/v1",
      apiKey: "none",
      fetch: parrot.fetch,
    });
    const request = { ...REQUEST, max_completion_tokens: 80 };
    const asking = (content: string) => [{ role: "user" as const, content }];
    const weather = zodFunction({
      name: "get_weather",
      parameters: z.object({ city: z.string() }),
      function: ({ city }) => `sunny in ${city}`,
    });
    const call = callText("get_weather", { city: "Paris" });
    const tools = [weather];
    for (const stream of [true, false] as const) {
      const messages = asking(call);
      const run = stream
        ? chat.completions.runTools({ ...request, messages, tools, stream })
        : chat.completions.runTools({ ...request, messages, tools });
      assert.equal(await run.finalContent(), "sunny in Paris");
    }
    const messages = asking('{"city": "Paris"}');
    const response_format = zodResponseFormat(z.object({ city: z.enum(["Paris"]) }), "place");
    const { choices } = await chat.completions.parse({ ...request, messages, response_format });
    const [choice] = choices;
    assert.ok(choice);
    assert.deepEqual(choice.message.parsed, { city: "Paris" });
    const more = [...messages, choice.message, ...asking("and on")];
    const next = await chat.completions.create({ ...request, messages: more });
    assert.equal(next.choices[0]?.message.content, "and on");
    parrot.close();
  });

  it("reads server-sent events that end with [DONE]", async () => {
    const body = JSON.stringify({ ...HELLO, max_completion_tokens: 1, stream: true });
    const response = await engine.fetch("/v1/chat/completions", { method: "POST", body });
    assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
    const lines = (await response.text()).split("\n\n");
    assert.ok(lines.slice(0, -2).every((line) => line.startsWith('data: {"id":"chatcmpl-')));
    assert.deepEqual(lines.slice(-2), ["data: [DONE]", ""]);
  });
});
