import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { OpenAI } from "openai";
import { loadEngine, type WindowseatEngine } from "../../web/src/api/engine.ts";
import { ApiError } from "../../web/src/api/error.ts";
import type { ChatParams, FunctionTool, ResponseFormat } from "../../web/src/api/types.ts";
import { createHost } from "../../web/src/engine/host.ts";
import { fetchFromDisk } from "../../web/src/node/folder.ts";
import { gpu } from "./gpu.ts";

const DEMO = process.env.WINDOWSEAT_DEMO ?? "";
const ASK = [{ role: "user" as const, content: "Give me a JSON object with a name and an age." }];
const SUM = [{ role: "user" as const, content: "What is 2 + 3?" }];
const SCHEMA = {
  type: "object",
  properties: {
    name: { type: "string", maxLength: 12 },
    age: { type: "integer", minimum: 18, maximum: 99 },
  },
  required: ["name", "age"],
};
const held = (schema: Record<string, unknown>): ResponseFormat => ({
  type: "json_schema",
  json_schema: { name: "person", schema },
});
const WEATHER: FunctionTool = {
  type: "function",
  function: {
    name: "get_weather",
    strict: true,
    parameters: {
      type: "object",
      properties: { city: { type: "string" }, days: { type: "integer", minimum: 1, maximum: 7 } },
      required: ["city", "days"],
    },
  },
};
const TIME: FunctionTool = { type: "function", function: { name: "get_time", strict: true } };

describe("an answer of the demo model", () => {
  let engine: WindowseatEngine;
  before(async () => {
    const connect = (listen: Parameters<typeof createHost>[0]) => {
      const { receive, close } = createHost(listen, { gpu, fetch: fetchFromDisk });
      return { send: receive, close };
    };
    engine = await loadEngine(connect, DEMO, {});
  });
  after(() => engine.close());

  const ask = async (params: Partial<ChatParams>) => {
    const request: ChatParams = {
      messages: ASK,
      temperature: 0,
      max_completion_tokens: 80,
      ...params,
    };
    const { choices, usage } = await engine.chat.completions.create({ ...request, stream: false });
    const [choice] = choices;
    assert.ok(choice);
    return { ...choice.message, reason: choice.finish_reason, choices, usage };
  };
  const isPerson = (text: string | null): void => {
    const { name, age } = JSON.parse(text ?? "");
    assert.ok(typeof name === "string" && name.length <= 12 && age >= 18 && age <= 99, text ?? "");
  };

  it("is JSON where that was asked for, and of the schema where there is one", async () => {
    const json = await ask({ response_format: { type: "json_object" } });
    assert.equal(typeof JSON.parse(json.content ?? ""), "object");
    const person = await ask({ response_format: held(SCHEMA) });
    isPerson(person.content);
    assert.deepEqual([json.reason, person.reason], ["stop", "stop"]);
  });

  it("is of the schema drawn hot, several times, through OpenAI's client and streamed", async () => {
    const hot = { response_format: held(SCHEMA), temperature: 2, seed: 3, n: 2 };
    for (const { message } of (await ask(hot)).choices) isPerson(message.content);
    const client = new OpenAI({ baseURL: "http://engine/v1", apiKey: "none", fetch: engine.fetch });
    const stream = await client.chat.completions.create({
      ...{ model: "demo", messages: ASK, stream: true, temperature: 2, seed: 5 },
      response_format: {
        type: "json_schema",
        json_schema: { name: "person", schema: SCHEMA, strict: true },
      },
    });
    let text = "";
    for await (const { choices } of stream) text += choices[0]?.delta.content ?? "";
    isPerson(text);
  });

  it("begins to be of the schema behind a thought, which is free", async () => {
    const answer = await ask({
      messages: SUM,
      response_format: held(SCHEMA),
      enable_thinking: true,
    });
    assert.match(answer.reasoning_content ?? "", /2 \+ 3/);
    isPerson(answer.content);
  });

  it("is of a regular expression or a grammar, with whole characters", async () => {
    const regex = "[à-ü]{3} 日本 (Paris|Rome)\\.";
    const matched = await ask({
      response_format: { type: "regex", regex },
      temperature: 2,
      seed: 1,
    });
    assert.match(matched.content ?? "", new RegExp(`^${regex}$`, "u"));
    const grammar = 'root ::= "<" [0-9]{2} ">"';
    const parsed = await ask({ response_format: { type: "grammar", grammar } });
    assert.match(parsed.content ?? "", /^<\d\d>$/);
  });

  it("says that it was cut, by the limit or by a stop text", async () => {
    const response_format = held(SCHEMA);
    assert.equal((await ask({ response_format, max_completion_tokens: 3 })).reason, "length");
    const stopped = await ask({ response_format, stop: "," });
    assert.equal(stopped.reason, "length");
    assert.ok(!stopped.content?.includes(","));
  });

  it("is a call where one has to be, of the strict schema, or of the one function", async () => {
    const tools = [WEATHER, TIME];
    const forced = await ask({
      messages: SUM,
      tools: [WEATHER],
      tool_choice: "required",
      parallel_tool_calls: false,
    });
    const { city, days } = JSON.parse(forced.tool_calls?.[0]?.function.arguments ?? "");
    assert.ok(typeof city === "string" && days >= 1 && days <= 7);
    assert.equal(forced.reason, "tool_calls");
    const one = { type: "function" as const, function: { name: "get_time" } };
    const named = await ask({ messages: SUM, tools, tool_choice: one });
    assert.deepEqual(
      named.tool_calls?.map(({ function: { name } }) => name),
      ["get_time"],
    );
    const none = await ask({ messages: SUM, tools, tool_choice: "none" });
    assert.equal(none.tool_calls, undefined);
  });

  it("keeps arguments of a strict tool to its schema where the model calls by itself", async () => {
    const messages = [{ role: "user" as const, content: "What is the weather in Paris?" }];
    const { tool_calls } = await ask({ messages, tools: [WEATHER] });
    const { city, days } = JSON.parse(tool_calls?.[0]?.function.arguments ?? "");
    assert.ok(city === "Paris" && days >= 1 && days <= 7);
  });

  const cyclic: Record<string, unknown> = { type: "object" };
  cyclic.properties = { self: cyclic };
  const schemaPlace = "response_format.json_schema.schema";
  const wrong: readonly (readonly [what: string, params: Partial<ChatParams>, param: string])[] = [
    ["a schema that holds itself", { response_format: held(cyclic) }, schemaPlace],
    ["a schema that is itself", { response_format: held({ $ref: "#" }) }, `${schemaPlace}.$ref`],
    ["an unsupported keyword", { response_format: held({ not: {} }) }, `${schemaPlace}.not`],
    ["a broken regex", { response_format: { type: "regex", regex: "(" } }, "response_format.regex"],
    ["a form beside tools", { response_format: held(SCHEMA), tools: [TIME] }, "response_format"],
    ["a forced call of nothing", { tool_choice: "required" }, "tool_choice"],
    [
      "a call of a function that is not there",
      { tools: [TIME], tool_choice: { type: "function", function: { name: "x" } } },
      "tool_choice.function.name",
    ],
  ];
  for (const [what, params, param] of wrong) {
    it(`refuses ${what} by its name, and answers the next request`, async () => {
      await assert.rejects(ask(params), (error) => {
        assert.ok(error instanceof ApiError, String(error));
        assert.deepEqual([error.status, error.param], [400, param]);
        return true;
      });
      assert.equal((await ask({ max_completion_tokens: 1 })).usage.completion_tokens, 1);
    });
  }
});
