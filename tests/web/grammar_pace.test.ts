import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { it } from "node:test";
import { createTokenizer } from "../../web/src/engine/tokenizer.ts";
import { openGrammars } from "../../web/src/grammar/grammar.ts";

/** A tokenizer.json with a large vocabulary. */
const path = process.env.WINDOWSEAT_VOCABULARY ?? "";
const SIZE = 248_320;
const person = {
  name: "Ada Lovelace",
  bio: 'A writer, "first" of her kind.',
  age: 36,
  tags: ["a", "b"],
};
const schema = {
  type: "object",
  properties: {
    name: { type: "string" },
    bio: { type: "string" },
    age: { type: "integer", minimum: 0, maximum: 120 },
    tags: { type: "array", items: { type: "string" } },
  },
  required: Object.keys(person),
};

it("a mask over a quarter of a million tokens takes less than a GPU's step", {
  skip: path === "" && "WINDOWSEAT_VOCABULARY names no tokenizer.json",
}, async (test) => {
  const { encode, bytes } = createTokenizer(readFileSync(path, "utf8"), null);
  const { match } = openGrammars({ size: SIZE, stopTokens: encode("<|im_end|>"), bytes });
  const { allowed, accept } = await match({ place: "schema", kind: "json_schema", schema });
  const ids = encode(JSON.stringify(person));
  const started = performance.now();
  for (const id of ids) {
    await allowed();
    assert.ok(accept(id));
  }
  const each = (performance.now() - started) / ids.length;
  test.diagnostic(`${each.toFixed(2)} ms a token`);
  assert.ok(each < 5, `${each.toFixed(2)} ms a token`);
});
