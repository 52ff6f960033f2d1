import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import OpenAI, { BadRequestError } from "openai";
import type { WindowseatEngine } from "../../web/src/api/engine.ts";
import { ApiError } from "../../web/src/api/error.ts";
import "./gpu.ts";
import { callText, loadParrot } from "./parrot.ts";

const user = (content: unknown): object => ({ role: "user", content });
const LONE = "cut \ud83d";
const MEGABYTE = "word ".repeat(200_000);
const CYCLE: Record<string, unknown> = { type: "object" };
CYCLE.properties = { self: CYCLE };
const tool = (change: object): object => ({ type: "function", function: { name: "f", ...change } });

/** What is sent, the parameter that the error names, and its code. */
const CASES: [what: string, request: object, param: string, code: string][] = [
  [
    "an unknown role",
    { messages: [{ role: "robot", content: "x" }] },
    "messages[0].role",
    "invalid_value",
  ],
  ["empty messages", { messages: [] }, "messages", "invalid_value"],
  ["a message of null", { messages: [null] }, "messages[0]", "invalid_type"],
  [
    "a result with no call",
    { messages: [{ role: "tool", content: "1", tool_call_id: "c" }] },
    "messages[0].tool_call_id",
    "invalid_value",
  ],
  ["a negative temperature", { temperature: -1 }, "temperature", "invalid_value"],
  ["a top_p of 0", { top_p: 0 }, "top_p", "invalid_value"],
  ["a stop text of 10,000 characters", { stop: "x".repeat(10_000) }, "stop", "invalid_value"],
  ["a megabyte of text", { messages: [user(MEGABYTE)] }, "messages", "context_length_exceeded"],
  [
    "a megabyte of instructions",
    { messages: [{ role: "system", content: MEGABYTE }, user("x")] },
    "messages",
    "context_length_exceeded",
  ],
  [
    "a megabyte of tools",
    { tools: [tool({ description: MEGABYTE })] },
    "messages",
    "context_length_exceeded",
  ],
  ["a megabyte of a name", { model: MEGABYTE }, "model", "model_not_found"],
  ["a lone surrogate", { messages: [user(LONE)] }, "messages[0].content", "invalid_value"],
  [
    "a lone surrogate in a part",
    { messages: [user([{ type: "text", text: LONE }])] },
    "messages[0].content[0].text",
    "invalid_value",
  ],
  ["a lone surrogate in a stop text", { stop: [LONE] }, "stop[0]", "invalid_value"],
  [
    "a lone surrogate in a tool",
    { tools: [tool({ description: LONE })] },
    "tools[0].function.description",
    "invalid_value",
  ],
];

describe("bad input", () => {
  let engine: WindowseatEngine;
  let client: OpenAI;
  before(async () => {
    engine = await loadParrot();
    client = new OpenAI({ baseURL: "http://engine/v1", apiKey: "none", fetch: engine.fetch });
  });
  after(() => engine.close());

  const request = {
    model: "toy",
    temperature: 0,
    messages: [{ role: "user" as const, content: "ok" }],
  };
  const answersTheNext = async (): Promise<void> => {
    const { choices } = await client.chat.completions.create(request);
    assert.equal(choices[0]?.message.content, "ok");
  };

  for (const [what, change, param, code] of CASES) {
    it(`such as ${what} is an error of OpenAI's client, streamed or not, and the next request is answered`, async () => {
      for (const stream of [false, true]) {
        const wrong = client.chat.completions.create({ ...request, ...change, stream });
        await assert.rejects(wrong, (error) => {
          assert.ok(error instanceof OpenAI.APIError, String(error));
          assert.equal(error instanceof BadRequestError, code !== "model_not_found");
          const { type } = error;
          assert.deepEqual([error.param, error.code, type], [param, code, "invalid_request_error"]);
          assert.ok(error.message.length < 400, "it quotes no megabyte");
          return true;
        });
      }
      await answersTheNext();
    });
  }

  it("such as a schema that holds itself is an error where no JSON is between", async () => {
    const circular = { type: "function", function: { name: "f", parameters: CYCLE } } as const;
    const wrong = engine.chat.completions.create({ ...request, tools: [circular] });
    await assert.rejects(wrong, (error) => {
      assert.ok(error instanceof ApiError);
      assert.match(error.param ?? "", /^tools/);
      assert.deepEqual([error.code, error.status], ["invalid_value", 400]);
      return true;
    });
    await answersTheNext();
  });

  it("of a model that calls a function that nobody offered comes back as text", async () => {
    const text = callText("g", {});
    const { choices } = await engine.chat.completions.create({
      ...request,
      messages: [{ role: "user", content: text }],
      tools: [{ type: "function", function: { name: "f" } }],
    });
    assert.equal(choices[0]?.message.content, text);
    assert.equal(choices[0]?.finish_reason, "stop");
  });
});
