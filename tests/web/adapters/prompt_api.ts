import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { promptApi } from "../../../web/src/adapters/prompt_api/language_model.ts";
import type { WindowseatEngine } from "../../../web/src/api/engine.ts";
import { callText } from "../parrot.ts";

/** Has the parrot talk through the browsers' Prompt API. */
export function testPromptApi(engine: () => WindowseatEngine): void {
  describe("the Prompt API", () => {
    const api = promptApi(async () => engine());
    const precise = { samplingMode: "most-predictable" } as const;

    it("loads the model with the first session, and says so", async () => {
      assert.equal(await api.availability(), "downloadable");
      const loaded: number[] = [];
      const session = await api.create({
        monitor: (monitor) =>
          monitor.addEventListener("downloadprogress", (event) => {
            if ("loaded" in event) loaded.push(Number(event.loaded));
          }),
      });
      assert.deepEqual([loaded.at(0), loaded.at(-1)], [0, 1]);
      assert.equal(await api.availability(), "available");
      assert.equal(session.samplingMode, "balanced");
      const other = { expectedInputs: [{ type: "image" }] } as const;
      assert.equal(await api.availability(other), "unavailable");
      await assert.rejects(api.create(other), { name: "NotSupportedError" });
      await assert.rejects(api.create({ temperature: -1 }), RangeError);
      await assert.rejects(api.create({ ...precise, topK: 3 }), TypeError);
      assert.equal((await api.create({ temperature: Number.POSITIVE_INFINITY })).temperature, 2);
    });

    it("remembers the conversation, and a clone goes its own way from there", async () => {
      const session = await api.create(precise);
      await session.append([
        { role: "user", content: "My name is Ada." },
        { role: "assistant", content: "Nice to meet you, Ada!" },
      ]);
      const clone = await session.clone();
      assert.equal(await session.prompt("0"), "My name is Ada.");
      assert.ok(session.contextUsage > clone.contextUsage);
      let streamed = "";
      for await (const piece of clone.promptStreaming("0")) streamed += piece;
      assert.equal(streamed, "My name is Ada.");
      assert.equal(clone.contextUsage, session.contextUsage);
      await clone.prompt("and on");
      assert.equal(await clone.prompt("4"), "and on");
      assert.equal(await session.prompt("4"), "4", "the clone's words are its own");
      const fresh = await api.create(precise);
      assert.equal(await fresh.prompt("0"), "0");
    });

    it("goes on after streams that nobody reads to their ends", async () => {
      const session = await api.create(precise);
      const untilPiecesLieUnread = (): Promise<void> =>
        new Promise((resolve) => setTimeout(resolve, 50));
      const reader = session.promptStreaming("one two three four five").getReader();
      await reader.read();
      await untilPiecesLieUnread();
      await reader.cancel();
      const stop = new AbortController();
      const unread = session.promptStreaming("six seven eight", { signal: stop.signal });
      await untilPiecesLieUnread();
      stop.abort();
      await assert.rejects(unread.getReader().read(), { name: "AbortError" });
      assert.equal(await session.prompt("0"), "0");
    });

    it("calls its tools by itself", async () => {
      const asked: unknown[] = [];
      const session = await api.create({
        ...precise,
        tools: [
          {
            name: "get_weather",
            description: "The weather in a city",
            inputSchema: { type: "object", properties: { city: { type: "string" } } },
            execute: async (given) => {
              asked.push(given);
              return "18 degrees and sunny";
            },
          },
        ],
      });
      const answer = await session.prompt(callText("get_weather", { city: "Paris" }));
      assert.equal(answer, "18 degrees and sunny");
      assert.deepEqual(asked, [{ city: "Paris" }]);
    });

    it("drops the oldest turns when they no longer fit, but never the initial prompts", async () => {
      const session = await api.create({
        ...precise,
        initialPrompts: [
          { role: "user", content: "My name is Ada." },
          { role: "assistant", content: "Nice to meet you, Ada!" },
        ],
      });
      const { contextWindow } = session;
      let overflows = 0;
      session.addEventListener("contextoverflow", () => {
        overflows += 1;
      });
      const half = "word ".repeat(Math.floor(contextWindow / 10));
      const tokens = await session.measureContextUsage(half);
      assert.ok(tokens > contextWindow / 3 && tokens < contextWindow);
      for (let i = 0; i < 3; i += 1) await session.append(half);
      assert.ok(overflows > 0);
      assert.ok(session.contextUsage <= contextWindow);
      const before = session.contextUsage;
      await assert.rejects(session.prompt(half.repeat(8)), (error) => {
        assert.ok(error instanceof DOMException && "quota" in error);
        assert.deepEqual([error.name, error.quota], ["QuotaExceededError", contextWindow]);
        return true;
      });
      assert.equal(session.contextUsage, before, "nothing is dropped for what cannot fit");
    });

    it("holds an answer to a regular expression or a schema", async () => {
      const session = await api.create(precise);
      const wanted = { responseConstraint: /(yes|no)!/u };
      assert.equal(await session.prompt("no!", wanted), "no!");
      assert.match(await session.prompt("perhaps", wanted), /^(yes|no)!$/);
      const schema = { type: "object", properties: { ok: { type: "boolean" } }, required: ["ok"] };
      const held = await session.prompt('{"ok": true}', { responseConstraint: schema });
      assert.deepEqual(JSON.parse(held), { ok: true });
      await assert.rejects(session.prompt("x", { responseConstraint: /a/i }), {
        name: "NotSupportedError",
      });
    });

    it("reads a regular expression as its flags say, or refuses it", async () => {
      const session = await api.create(precise);
      const taken = [
        ["\\d{3}\\-\\d{4}", "555-1234"],
        ["[\\w\\-]+\\@a/b", "x-1@a/b"],
      ];
      for (const [source = "", answer = ""] of taken) {
        const responseConstraint = new RegExp(source);
        assert.equal(await session.prompt(answer, { responseConstraint }), answer);
      }
      const refused = [["\\p{Lu}{2}"], ["\\u{3}"], ['{"a": 1}'], ["[😀]"], ["[\\w&&\\d]", "v"]];
      for (const [source = "", flags] of refused) {
        const responseConstraint = new RegExp(source, flags);
        await assert.rejects(session.prompt("x", { responseConstraint }), {
          name: "NotSupportedError",
          message: /^A responseConstraint has /,
        });
      }
    });

    it("holds no answer of a session with tools to a constraint", async () => {
      const execute = async (): Promise<string> => "sunny";
      const weather = { name: "f", description: "The weather", inputSchema: {}, execute };
      const session = await api.create({ ...precise, tools: [weather] });
      await assert.rejects(session.prompt("x", { responseConstraint: { type: "boolean" } }), {
        name: "NotSupportedError",
        message: /in a session with tools; prompt one without/,
      });
    });

    it("leaves a prompt that was ended out of the conversation", async () => {
      const session = await api.create(precise);
      const controller = new AbortController();
      const running = session.prompt("one two three four five six seven eight nine ten", {
        signal: controller.signal,
      });
      const queued = session.prompt("1 2 3");
      controller.abort();
      await assert.rejects(running, { name: "AbortError" });
      assert.equal(await queued, "1 2 3");
      const usage = session.contextUsage;
      for await (const _ of session.promptStreaming(
        "one two three four five six seven eight nine ten",
      ))
        break;
      assert.equal(session.contextUsage, usage);
      const late = session.prompt("one two three four five six seven eight nine ten");
      session.destroy();
      await assert.rejects(late, { name: "AbortError" });
      await assert.rejects(session.prompt("Hello!"), { name: "AbortError" });
    });

    it("refuses what is wrong by the specification's errors", async () => {
      const session = await api.create({
        initialPrompts: [{ role: "system", content: "Be brief." }],
      });
      const says = (message: object): Promise<string> =>
        session.prompt([{ role: "user", content: "x", ...message }]);
      await assert.rejects(says({ role: "system" }), TypeError);
      await assert.rejects(says({ role: "robot" }), TypeError);
      await assert.rejects(says({ prefix: true }), { name: "SyntaxError" });
      await assert.rejects(says({ content: [{ type: "image", value: 1 }] }), {
        name: "NotSupportedError",
      });
      await assert.rejects(says({ content: [{ type: "text", value: 1 }] }), TypeError);
      await assert.rejects(says({ content: "cut \ud83d" }), { name: "NotSupportedError" });
      await assert.rejects(session.prompt("x", { omitResponseConstraintInput: true }), TypeError);
      assert.deepEqual(await api.params(), {
        defaultTopK: 40,
        maxTopK: 128,
        defaultTemperature: 1,
        maxTemperature: 2,
      });
    });
  });
}
