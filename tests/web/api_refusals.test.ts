import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { WindowseatEngine } from "../../web/src/api/engine.ts";
import { ApiError } from "../../web/src/api/error.ts";
import type { ChatParams, CompletionParams } from "../../web/src/api/types.ts";
import "./gpu.ts";
import { HELLO, loadToy } from "./toy_engine.ts";

const LONE = "cut \ud83d";
const CALL = { id: "c1", type: "function", function: { name: "f", arguments: "{}" } };
const CYCLE: Record<string, unknown> = { type: "object" };
CYCLE.self = CYCLE;
const user = (content: unknown): object => ({ messages: [{ role: "user", content }] });
const then = (...messages: object[]): object => ({
  messages: [{ role: "user", content: "x" }, ...messages],
});

describe("a wrong request", () => {
  let engine: WindowseatEngine;
  before(async () => {
    engine = await loadToy();
  });
  after(() => engine.close());

  const cases: [what: string, change: object, param: string | null, code: string][] = [
    ["no messages", { messages: undefined }, "messages", "missing_required_parameter"],
    ["empty messages", { messages: [] }, "messages", "invalid_value"],
    ["messages that are a text", { messages: "hi" }, "messages", "invalid_type"],
    ["an unknown role", then({ role: "robot", content: "x" }), "messages[1].role", "invalid_value"],
    ["no content", then({ role: "user" }), "messages[1].content", "missing_required_parameter"],
    ["an empty question", user(" \n"), "messages", "empty_prompt"],
    [
      "an image",
      user([{ type: "image_url", image_url: {} }]),
      "messages[0].content[0].type",
      "unsupported_value",
    ],
    ["a lone surrogate", user(LONE), "messages[0].content", "invalid_value"],
    [
      "a lone surrogate in a part",
      user([{ type: "text", text: LONE }]),
      "messages[0].content[0].text",
      "invalid_value",
    ],
    ["a megabyte of text", user("word ".repeat(200_000)), "messages", "context_length_exceeded"],
    ["a complaint of the template", user("raise"), "messages", "invalid_value"],
    [
      "a result with no call",
      then({ role: "tool", content: "1", tool_call_id: "c1" }),
      "messages[1].tool_call_id",
      "invalid_value",
    ],
    [
      "a result of another call",
      then(
        { role: "assistant", tool_calls: [CALL] },
        { role: "tool", content: "1", tool_call_id: "c2" },
      ),
      "messages[2].tool_call_id",
      "invalid_value",
    ],
    [
      "arguments that are no JSON",
      then({
        role: "assistant",
        tool_calls: [{ ...CALL, function: { name: "f", arguments: "{" } }],
      }),
      "messages[1].tool_calls[0].function.arguments",
      "invalid_value",
    ],
    [
      "a name of a speaker",
      then({ role: "user", content: "x", name: "me" }),
      "messages[1].name",
      "unsupported_parameter",
    ],
    ["another model", { model: "gpt-9" }, "model", "model_not_found"],
    ["a negative temperature", { temperature: -0.1 }, "temperature", "invalid_value"],
    [
      "a temperature that is no number",
      { temperature: Number.NaN },
      "temperature",
      "invalid_value",
    ],
    ["a temperature in a text", { temperature: "1" }, "temperature", "invalid_type"],
    ["a top_p of 0", { top_p: 0 }, "top_p", "invalid_value"],
    ["half a top_k", { top_k: 1.5 }, "top_k", "invalid_value"],
    ["a min_p over 1", { min_p: 2 }, "min_p", "invalid_value"],
    ["a penalty over 2", { presence_penalty: 3 }, "presence_penalty", "invalid_value"],
    ["a repetition_penalty of 0", { repetition_penalty: 0 }, "repetition_penalty", "invalid_value"],
    ["a bias of an unknown token", { logit_bias: { 261: 1 } }, "logit_bias", "invalid_value"],
    ["a bias that is too strong", { logit_bias: { 1: 101 } }, "logit_bias.1", "invalid_value"],
    ["a seed of a half", { seed: 0.5 }, "seed", "invalid_value"],
    ["no choice", { n: 0 }, "n", "invalid_value"],
    ["too many choices", { n: 17 }, "n", "invalid_value"],
    ["a stop text of 10,000 characters", { stop: "x".repeat(10_000) }, "stop", "invalid_value"],
    ["five stop texts", { stop: ["a", "b", "c", "d", "e"] }, "stop", "invalid_value"],
    ["an empty stop text", { stop: [""] }, "stop[0]", "invalid_value"],
    ["no token at all", { max_completion_tokens: 0 }, "max_completion_tokens", "invalid_value"],
    ["two limits", { max_tokens: 5 }, "max_tokens", "invalid_value"],
    ["options of no stream", { stream_options: {} }, "stream_options", "invalid_value"],
    ["top_logprobs alone", { top_logprobs: 1 }, "top_logprobs", "invalid_value"],
    [
      "too many top_logprobs",
      { logprobs: true, top_logprobs: 21 },
      "top_logprobs",
      "invalid_value",
    ],
    [
      "a schema with no name",
      { response_format: { type: "json_schema", json_schema: { name: "", schema: {} } } },
      "response_format.json_schema.name",
      "invalid_value",
    ],
    [
      "tools that the template has no words for",
      { tools: [{ type: "function", function: { name: "f" } }] },
      "tools",
      "unsupported_parameter",
    ],
    [
      "a tool with no name",
      { tools: [{ type: "function", function: {} }] },
      "tools[0].function.name",
      "missing_required_parameter",
    ],
    ["a forced call of nothing", { tool_choice: "required" }, "tool_choice", "invalid_value"],
    ["a choice of no tools", { tool_choice: "auto" }, "tool_choice", "invalid_value"],
    [
      "a parameter of OpenAI's alone",
      { reasoning_effort: "low" },
      "reasoning_effort",
      "unsupported_parameter",
    ],
    ["a parameter with a wrong name", { temprature: 1 }, "temprature", "unknown_parameter"],
  ];

  it("is refused by the name of what is wrong, and the next one is answered", async () => {
    for (const [what, change, param, code] of cases) {
      const request: ChatParams = { ...HELLO, ...change };
      await assert.rejects(engine.chat.completions.create(request), (error) => {
        assert.ok(error instanceof ApiError, `${what}: ${error}`);
        assert.deepEqual([error.param, error.code], [param, code], `${what}: ${error.message}`);
        assert.equal(error.type, "invalid_request_error");
        return true;
      });
    }
    assert.equal((await engine.chat.completions.create(HELLO)).usage.completion_tokens, 8);
  });

  it("of a text to go on from is refused as well", async () => {
    const wrong: [change: object, param: string, code: string][] = [
      [{ prompt: undefined }, "prompt", "missing_required_parameter"],
      [{ prompt: "" }, "prompt", "empty_prompt"],
      [{ prompt: [] }, "prompt", "empty_prompt"],
      [{ prompt: [261] }, "prompt", "invalid_value"],
      [{ prompt: ["a", "b"] }, "prompt", "invalid_value"],
      [{ prompt: LONE }, "prompt", "invalid_value"],
      [{ prompt: "x".repeat(200) }, "prompt", "context_length_exceeded"],
      [{ messages: [] }, "messages", "unknown_parameter"],
      [{ echo: true }, "echo", "unsupported_parameter"],
    ];
    for (const [change, param, code] of wrong) {
      const request: CompletionParams = { prompt: "a", ...change };
      await assert.rejects(engine.completions.create(request), { param, code });
    }
  });

  it("is no request at all, and its tokens are not counted", async () => {
    for (const request of ["hi", undefined]) {
      const wrong: [ChatParams] = JSON.parse(JSON.stringify([request]));
      await assert.rejects(engine.countTokens(...wrong), { code: "invalid_type" });
    }
  });

  it("has a tool whose schema holds itself", async () => {
    const tool = { type: "function", function: { name: "f", parameters: CYCLE } } as const;
    await assert.rejects(engine.chat.completions.create({ ...HELLO, tools: [tool] }), {
      param: "tools",
    });
  });
});
