import assert from "node:assert/strict";
import { describe, it } from "node:test";
import "./gpu.ts";
import { loadParrot } from "./parrot.ts";

describe("a form of an answer", () => {
  it("says what a policy has to allow that forbids WebAssembly, and is held to once it does", async (test) => {
    const engine = await loadParrot();
    const ask = () =>
      engine.chat.completions.create({
        messages: [{ role: "user", content: "no" }],
        temperature: 0,
        response_format: { type: "regex", regex: "yes|no" },
      });
    const { mock } = test.mock.method(WebAssembly, "Module", function forbidden() {
      throw new WebAssembly.CompileError("Refused to compile");
    });
    await assert.rejects(ask, /Refused to compile.*'wasm-unsafe-eval' to script-src/);
    mock.restore();
    assert.equal((await ask()).choices[0]?.message.content, "no");
    engine.close();
  });
});
