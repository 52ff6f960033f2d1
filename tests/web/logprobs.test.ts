import assert from "node:assert/strict";
import { describe, it } from "node:test";
import "./gpu.ts";
import { loadParrot } from "./parrot.ts";

describe("log-probabilities", () => {
  it("are those of the content's tokens alone, whatever stands before it", async () => {
    const engine = await loadParrot();
    const request = { temperature: 0, logprobs: true };
    const cases = [
      { content: "a thought</think>\n\nan answer", enable_thinking: true },
      { content: "</think>\n\nan answer", enable_thinking: true },
      { content: "\n an answer", enable_thinking: false },
    ];
    for (const { content, ...thinking } of cases) {
      const messages = [{ role: "user" as const, content }];
      const { choices } = await engine.chat.completions.create({
        ...request,
        ...thinking,
        messages,
      });
      const tokens = choices[0]?.logprobs?.content.map(({ token }) => token);
      assert.equal(tokens?.join(""), choices[0]?.message.content);
    }
    engine.close();
  });
});
