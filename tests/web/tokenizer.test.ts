import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { createTokenizer } from "../../web/src/engine/tokenizer.ts";

/**
 * WINDOWSEAT_TOKENIZER_CASES names a JSON file that test_web.py writes with Python's `tokenizers`: for each
 * tokenizer.json, texts with their ids and the text that the ids decode to.
 */
interface Case {
  readonly text: string;
  readonly ids: readonly number[];
  readonly decoded: string;
}
type Cases = Readonly<Record<string, { readonly file: string; readonly cases: readonly Case[] }>>;

const path = process.env.WINDOWSEAT_TOKENIZER_CASES;
const skip = path === undefined && "run by tests/web/test_web.py, which brings Python's ids";
const tokenizers: Cases = path === undefined ? {} : JSON.parse(readFileSync(path, "utf8"));

describe("a tokenizer", { skip }, () => {
  for (const [name, { file, cases }] of Object.entries(tokenizers)) {
    const tokenizer = createTokenizer(readFileSync(file, "utf8"), null);

    it(`gives Python's ids for ${cases.length} texts (${name})`, () => {
      for (const { text, ids } of cases) {
        assert.deepEqual(tokenizer.encode(text), ids, JSON.stringify(text));
      }
    });

    it(`gives Python's text for the ids (${name})`, () => {
      for (const { ids, decoded } of cases) assert.equal(tokenizer.decode(ids), decoded);
    });
  }
});
