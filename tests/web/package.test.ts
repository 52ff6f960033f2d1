import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";

describe("the package", () => {
  it("has all that a page imports in Node too, where a server renders the page", async () => {
    const entry: typeof import("../../web/src/api/index.ts") = await import(
      "../../web/src/api/node.ts"
    );
    const engine = { fetch: async () => new Response() };
    await assert.rejects(entry.routeFetch(engine), { code: "no_service_worker" });
  });

  it("starts its workers by the expressions that bundlers look for", async () => {
    const script = await readFile("build/package/index.js", "utf8");
    for (const worker of ["Worker", "SharedWorker"]) {
      const pattern = `new ${worker}\\(new URL\\("./worker.js", import.meta.url\\), { type: "module"`;
      assert.match(script, new RegExp(pattern));
    }
    const { exports, module } = JSON.parse(await readFile("package.json", "utf8"));
    assert.equal(module, exports["."].default);
  });
});
