import assert from "node:assert/strict";
import { describe, it } from "node:test";
import "./gpu.ts"; // a software adapter

describe("between two looks for news of a software adapter", () => {
  it("there is a pause, and what JavaScript wants at once still comes at once", async () => {
    const order: string[] = [];
    await new Promise<void>((resolve) => {
      const look = (): void => {
        order.push("look");
        resolve();
      };
      setImmediate(look.bind(null)); // native code by its text, as Dawn's own callbacks are
      setImmediate(() => order.push("at once"));
    });
    assert.deepEqual(order, ["at once", "look"]);
  });
});
