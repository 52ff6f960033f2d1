import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type AIMessageChunk,
  HumanMessage,
  type StandardMessageStructure,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { z } from "zod";
import { ChatWindowseat } from "../../../web/src/adapters/langchain/chat_model.ts";
import type { WindowseatEngine } from "../../../web/src/api/engine.ts";
import { callText } from "../parrot.ts";

/** Has the parrot talk through LangChain.js. */
export function testLangChain(engine: () => WindowseatEngine): void {
  describe("LangChain", () => {
    const settings = { temperature: 0, max_completion_tokens: 80 };
    const chat = (): ChatWindowseat => new ChatWindowseat({ engine: engine(), settings });
    const words = "a thought</think>\n\nan answer";
    const call = callText("get_weather", { city: "Paris" });

    it("invokes the model, with its usage and why it ended", async () => {
      const answer = await chat().invoke([
        new SystemMessage("Be brief."),
        new HumanMessage("Good morning!"),
      ]);
      assert.equal(answer.content, "Good morning!");
      const { finish_reason, model_name } = answer.response_metadata;
      assert.deepEqual([finish_reason, model_name], ["stop", engine().model.name]);
      const usage = answer.usage_metadata;
      assert.ok(usage);
      assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
    });

    it("streams pieces that add up, thinking apart", async () => {
      let whole: AIMessageChunk<StandardMessageStructure> | undefined;
      for await (const chunk of await chat().stream(words, { enable_thinking: true })) {
        whole = whole?.concat(chunk) ?? chunk;
      }
      assert.equal(whole?.text, "an answer");
      assert.equal(whole?.additional_kwargs.reasoning_content, "a thought");
      assert.equal(whole?.response_metadata.finish_reason, "stop");
      assert.equal(whole?.response_metadata.model_name, engine().model.name);
      const { reasoning } = whole?.usage_metadata?.output_token_details ?? {};
      assert.equal(reasoning, "a thought".length + 1);
    });

    it("tells thinking apart in its events as well", async () => {
      const stream = chat().streamEvents(words, { enable_thinking: true });
      assert.equal(await stream.reasoning, "a thought");
      assert.equal(await stream.text, "an answer");
    });

    it("calls a tool, streamed or not, and answers from its result", async () => {
      const getWeather = tool(async () => "18 degrees and sunny", {
        name: "get_weather",
        description: "The weather in a city",
        schema: z.object({ city: z.string() }),
      });
      const model = chat().bindTools([getWeather]);
      const messages = [new HumanMessage(call)];
      let streamed: AIMessageChunk | undefined;
      for await (const chunk of await model.stream(messages)) {
        streamed = streamed?.concat(chunk) ?? chunk;
      }
      const whole = await model.invoke(messages);
      for (const asked of [streamed, whole]) {
        assert.deepEqual(
          asked?.tool_calls?.map(({ name, args }) => [name, args]),
          [["get_weather", { city: "Paris" }]],
        );
      }
      const [made] = whole.tool_calls ?? [];
      assert.ok(made);
      const result = await getWeather.invoke(made);
      assert.ok(ToolMessage.isInstance(result));
      const answer = await model.invoke([...messages, whole, result]);
      assert.equal(answer.content, "18 degrees and sunny");
    });

    it("takes what graphs and agents hand on with a call", async () => {
      const handed = { configurable: {}, writer: () => {}, store: {}, strict: true };
      assert.equal((await chat().invoke("Good morning!", handed)).text, "Good morning!");
      const kinds: string[] = [];
      for await (const { event } of chat().streamEvents("Hi", { version: "v2" })) kinds.push(event);
      assert.equal(kinds.at(-1), "on_chat_model_end");
      const misspelt = { ...settings, temprature: 1 };
      const wrong = new ChatWindowseat({ engine: engine(), settings: misspelt });
      await assert.rejects(wrong.invoke("Hi"), { param: "temprature" });
    });

    it("holds structured output to its schema, by whichever method", async () => {
      const schema = z.object({ sky: z.enum(["blue", "grey"]) });
      const model = new ChatWindowseat({ engine: engine(), settings: { temperature: 0 } });
      const says = '{"sky": "grey"}';
      const calls = callText("extract", { sky: "grey" });
      for (const [method, text] of Object.entries({ jsonSchema: says, functionCalling: calls })) {
        const held = model.withStructuredOutput(schema, { method });
        assert.deepEqual(await held.invoke(text), { sky: "grey" }, method);
        const { sky } = await held.invoke(text.replace("grey", "pink"));
        assert.match(sky, /^(blue|grey)$/, method);
      }
      const free = { method: "jsonMode", includeRaw: true } as const;
      const { raw, parsed } = await model.withStructuredOutput(schema, free).invoke(says);
      assert.deepEqual([raw.text, parsed], [says, { sky: "grey" }]);
      const unknown = { method: "wish" };
      assert.throws(() => model.withStructuredOutput(schema, unknown), /no method wish/);
    });

    it("ends by its signal or a stop text, and throws the engine's own errors", async () => {
      const controller = new AbortController();
      const read = async (): Promise<void> => {
        const stream = await chat().stream("one two three four five six seven eight nine ten", {
          signal: controller.signal,
        });
        for await (const { text } of stream) if (text !== "") controller.abort();
      };
      await assert.rejects(read(), { name: "AbortError" });
      const answer = await chat().invoke("1 2 3 4", { stop: ["3"] });
      assert.equal(answer.content, "1 2 ");
      await assert.rejects(chat().invoke("Hello!", { top_p: 0 }), { param: "top_p" });
      const image = { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } };
      await assert.rejects(
        chat().invoke([new HumanMessage({ content: [image] })]),
        /reads text alone/,
      );
    });
  });
}
