import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ChatCompletionCreateParamsBase } from "openai/resources/chat/completions/completions";
import type { CompletionCreateParamsBase } from "openai/resources/completions";
import { loadEngine, type WindowseatEngine } from "../../web/src/api/engine.ts";
import { Stream } from "../../web/src/api/stream.ts";
import type { ChatParams, CompletionParams } from "../../web/src/api/types.ts";
import { createHost } from "../../web/src/engine/host.ts";
import type { ToEngine } from "../../web/src/runtime/messages.ts";
import { gpu } from "./gpu.ts";
import { parrotBundle } from "./parrot.ts";

/** What becomes of a parameter: it changes what the engine hears or what comes back; nothing else is taken; it is refused. */
type Fate =
  | { readonly kind: "changes"; readonly value: unknown; readonly beside?: object }
  | { readonly kind: "holds"; readonly value: unknown; readonly other: unknown }
  | { readonly kind: "refused"; readonly value: unknown };

const changes = (value: unknown, beside: object = {}): Fate => ({ kind: "changes", value, beside });
const refused = (value: unknown): Fate => ({ kind: "refused", value });

const MODEL: Fate = { kind: "holds", value: "toy", other: "gpt-9" };
const tools = [{ type: "function", function: { name: "f", parameters: { type: "object" } } }];

const SHARED = {
  model: MODEL,
  temperature: changes(0.5),
  top_p: changes(0.5),
  top_k: changes(3),
  min_p: changes(0.1),
  presence_penalty: changes(1),
  frequency_penalty: changes(1),
  repetition_penalty: changes(1.1),
  logit_bias: changes({ 97: -100 }),
  seed: changes(8),
  stop: changes("b"),
  n: changes(2),
  stream: changes(true),
  stream_options: changes({ include_usage: true }, { stream: true }),
  user: refused("u"),
} as const;

// The types have every parameter of OpenAI's client here, and every one of ours.
const CHAT: Readonly<Record<keyof ChatCompletionCreateParamsBase | keyof ChatParams, Fate>> = {
  ...SHARED,
  messages: changes([{ role: "user", content: "cd" }]),
  max_completion_tokens: changes(1),
  max_tokens: changes(1),
  logprobs: changes(true),
  top_logprobs: changes(2, { logprobs: true }),
  response_format: changes({ type: "json_object" }),
  tools: changes(tools),
  tool_choice: changes("none", { tools }),
  parallel_tool_calls: changes(false, { tools }),
  enable_thinking: changes(true),
  audio: refused({ format: "wav", voice: "alloy" }),
  function_call: refused("auto"),
  functions: refused([{ name: "f" }]),
  metadata: refused({ a: "b" }),
  modalities: refused(["text"]),
  prediction: refused({ type: "content", content: "x" }),
  prompt_cache_key: refused("k"),
  prompt_cache_retention: refused("24h"),
  reasoning_effort: refused("low"),
  safety_identifier: refused("i"),
  service_tier: refused("auto"),
  store: refused(false),
  verbosity: refused("low"),
  web_search_options: refused({}),
};

const COMPLETION: Readonly<
  Record<keyof CompletionCreateParamsBase | keyof CompletionParams, Fate>
> = {
  ...SHARED,
  prompt: changes("cd"),
  max_tokens: changes(1),
  logprobs: changes(2),
  best_of: refused(1),
  echo: refused(false),
  suffix: refused("x"),
};

async function all(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** All of it that is the same every time. */
function plain(value: unknown): unknown {
  const changing = new Set(["id", "created", "timings", "cached_tokens"]);
  return JSON.parse(JSON.stringify(value, (key, item) => (changing.has(key) ? undefined : item)));
}

describe("every parameter of OpenAI's types and of ours", () => {
  let engine: WindowseatEngine;
  let sent: ToEngine[] = [];
  before(async () => {
    const { fetch } = parrotBundle();
    const connect = (listen: Parameters<typeof createHost>[0]) => {
      const { receive, close } = createHost(listen, { gpu, fetch });
      const send = (message: ToEngine): void => {
        sent.push(message);
        receive(message);
      };
      return { send, close };
    };
    engine = await loadEngine(connect, "http://toy", { context: 1024 });
  });
  after(() => engine.close());

  const endpoints: [what: string, base: object, table: Readonly<Record<string, Fate>>][] = [
    ["chat completions", { messages: [{ role: "user", content: "ab" }] }, CHAT],
    ["completions", { prompt: "ab", max_tokens: 4 }, COMPLETION],
  ];
  for (const [what, base, table] of endpoints) {
    const ask = (request: object): Promise<object> =>
      what === "completions"
        ? engine.completions.create({ prompt: "", ...request })
        : engine.chat.completions.create({ messages: [], ...request });
    /** What the engine heard and what came back. */
    const outcome = async (change: object): Promise<unknown> => {
      sent = [];
      const answer = await ask({ temperature: 0, seed: 7, ...base, ...change });
      return plain([sent, answer instanceof Stream ? await all(answer) : answer]);
    };

    it(`of ${what} is honoured, or refused by its name`, async () => {
      for (const [name, fate] of Object.entries(table)) {
        const change = { [name]: fate.value };
        switch (fate.kind) {
          case "changes":
            assert.notDeepEqual(
              await outcome({ ...fate.beside, ...change }),
              await outcome({ ...fate.beside }),
              `${name} changes nothing`,
            );
            break;
          case "holds": {
            await outcome(change);
            const { other } = fate;
            await assert.rejects(outcome({ [name]: other }), {
              param: name,
              type: "invalid_request_error",
            });
            break;
          }
          case "refused":
            await assert.rejects(outcome(change), { param: name, code: "unsupported_parameter" });
        }
      }
    });
  }

  it("is refused by its place in a message as well", async () => {
    const wrong: [message: object, name: string][] = [
      [{ role: "user", content: "x", name: "me" }, "name"],
      [{ role: "assistant", content: "x", audio: { id: "a" } }, "audio"],
      [
        { role: "assistant", content: "x", function_call: { name: "f", arguments: "" } },
        "function_call",
      ],
      [{ role: "assistant", content: "x", refusal: "no" }, "refusal"],
    ];
    for (const [message, name] of wrong) {
      const request: ChatParams = { messages: JSON.parse(JSON.stringify([message])) };
      await assert.rejects(engine.chat.completions.create(request), {
        param: `messages[0].${name}`,
        code: "unsupported_parameter",
      });
    }
    const options = JSON.parse('{ "include_obfuscation": false }');
    const streamed = { messages: [], stream: true, stream_options: options } as const;
    await assert.rejects(
      engine.chat.completions.create({ ...streamed, messages: [{ role: "user", content: "x" }] }),
      {
        param: "stream_options.include_obfuscation",
        code: "unsupported_parameter",
      },
    );
  });
});
