import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";
import { windowseat } from "../../../web/src/adapters/ai_sdk/model.ts";
import type { WindowseatEngine } from "../../../web/src/api/engine.ts";
import { callText } from "../parrot.ts";

// Warnings are looked at in the results.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });

/** Has the parrot talk through Vercel's AI SDK. */
export function testAiSdk(engine: () => WindowseatEngine): void {
  describe("the AI SDK", () => {
    const settings = { temperature: 0, maxOutputTokens: 80 };

    it("generates text, its usage and why it ended", async () => {
      const { text, finishReason, usage, response, warnings } = await generateText({
        model: windowseat(engine()),
        instructions: "Be brief.",
        prompt: "Good morning!",
        ...settings,
      });
      assert.equal(text, "Good morning!");
      assert.equal(finishReason, "stop");
      assert.equal(usage.totalTokens, (usage.inputTokens ?? 0) + (usage.outputTokens ?? 0));
      assert.match(response.id, /^chatcmpl-/);
      assert.deepEqual(warnings, []);
    });

    it("streams thinking apart from the text", async () => {
      const result = streamText({
        model: windowseat(engine()),
        prompt: "a thought</think>\n\nan answer",
        providerOptions: { windowseat: { enable_thinking: true } },
        ...settings,
      });
      const kinds: string[] = [];
      for await (const { type } of result.stream) if (type !== kinds.at(-1)) kinds.push(type);
      assert.deepEqual(
        kinds.filter((kind) => /^(reasoning|text)-/.test(kind)),
        ["reasoning-start", "reasoning-delta", "reasoning-end"].concat([
          "text-start",
          "text-delta",
          "text-end",
        ]),
      );
      assert.equal(await result.text, "an answer");
      assert.equal(await result.reasoningText, "a thought");
      const { reasoningTokens } = (await result.usage).outputTokenDetails;
      assert.equal(reasoningTokens, "a thought".length + 1);
    });

    it("calls a tool, and answers from its result in the next step", async () => {
      const asked: unknown[] = [];
      const result = streamText({
        model: windowseat(engine()),
        prompt: callText("get_weather", { city: "Paris" }),
        tools: {
          get_weather: tool({
            description: "The weather in a city",
            inputSchema: z.object({ city: z.string() }),
            execute: async (given) => {
              asked.push(given);
              return { temperature: 18, sky: "sunny" };
            },
          }),
        },
        stopWhen: isStepCount(3),
        ...settings,
      });
      assert.equal(await result.text, '{"temperature":18,"sky":"sunny"}');
      assert.deepEqual(asked, [{ city: "Paris" }]);
      const reasons = (await result.steps).map(({ finishReason }) => finishReason);
      assert.deepEqual(reasons, ["tool-calls", "stop"]);
    });

    it("warns of what the model cannot do, and throws the engine's own errors", async () => {
      const { text, warnings } = await generateText({
        model: windowseat(engine()),
        prompt: "a thought</think>Hello!",
        reasoning: "high",
        ...settings,
      });
      assert.equal(text, "Hello!");
      assert.deepEqual(
        warnings?.map((warning) => warning.type),
        ["compatibility"],
      );
      const wrong = { model: windowseat(engine()), prompt: "Hello!", topP: 0 };
      await assert.rejects(generateText(wrong), { code: "invalid_value", param: "top_p" });
      const unknown = { temprature: 1 };
      await assert.rejects(
        generateText({
          model: windowseat(engine()),
          prompt: "Hello!",
          providerOptions: { windowseat: unknown },
        }),
        { code: "unknown_parameter" },
      );
      const data = new Uint8Array([1]);
      const file = { type: "file", data, mediaType: "image/png" } as const;
      await assert.rejects(
        generateText({
          model: windowseat(engine()),
          messages: [{ role: "user", content: [file] }],
        }),
        { name: "AI_UnsupportedFunctionalityError" },
      );
    });

    it("has one answer to a call, whose body has what the AI SDK has no name for", async () => {
      const ask = (options: Record<string, number | boolean>) =>
        generateText({
          model: windowseat(engine()),
          prompt: "Hello!",
          providerOptions: { windowseat: options },
          include: { responseBody: true },
          ...settings,
        });
      await assert.rejects(ask({ n: 2 }), { name: "AI_UnsupportedFunctionalityError" });
      const { response } = await ask({ logprobs: true });
      assert.match(JSON.stringify(response.body), /"logprobs":\{"content":\[\{.*"timings":/);
    });

    it("ends a request by its signal, and the next one is answered", async () => {
      const controller = new AbortController();
      const aborted: string[] = [];
      const { stream } = streamText({
        model: windowseat(engine()),
        prompt: "one two three four five six seven eight nine ten",
        abortSignal: controller.signal,
        ...settings,
      });
      for await (const { type } of stream) {
        if (type === "text-delta") controller.abort();
        if (type === "abort" || type === "error") aborted.push(type);
      }
      assert.deepEqual(aborted, ["abort"]);
      const { text } = await generateText({
        model: windowseat(engine()),
        prompt: "1 2 3 4",
        stopSequences: ["3"],
        ...settings,
      });
      assert.equal(text, "1 2 ");
    });
  });
}
