import assert from "node:assert/strict";
import { it } from "node:test";
import { Later } from "../../web/src/ui/markdown/later.ts";

it("a script that cannot be fetched leaves what is shown as it is, and is asked for again", async () => {
  let asked = 0;
  const later = new Later(() => {
    asked += 1;
    return asked === 1 ? Promise.reject(new Error("no network")) : Promise.resolve("script");
  });
  let used = "";
  const use = (script: string) => {
    used = script;
  };
  later.use(use);
  await new Promise(setImmediate); // an uncaught rejection would fail the test
  assert.equal(used, "");
  later.use(use);
  await new Promise(setImmediate);
  assert.equal(used, "script");
});
