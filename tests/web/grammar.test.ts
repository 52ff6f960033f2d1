import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Ajv2020, type AnySchema } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { z } from "zod";
import { replace } from "../../web/src/bench/replace.ts";
import { type Form, GrammarError, openGrammars } from "../../web/src/grammar/grammar.ts";
import { randomSchema } from "./random_schema.ts";

const STOP = 256;
const encoder = new TextEncoder();
/** Bytes, the stop token, and some longer tokens, which cross what a grammar is made of. */
const LONGER = [
  '{"',
  '":',
  '", "',
  ': "',
  '"}',
  "]}",
  "é",
  "日本",
  "👍🏽",
  "\\u00e9",
  "-1",
  ".5",
  "abc",
  "}}",
];
const TOKENS = [
  // XGrammar's classes that exclude something let a lead byte be followed as no text in UTF-8 has it: those are left out.
  ...Array.from({ length: 256 }, (_, byte) =>
    [0xc0, 0xc1, 0xe0, 0xed, 0xf0].includes(byte) || byte > 0xf3
      ? new Uint8Array(0)
      : Uint8Array.of(byte),
  ),
  new Uint8Array(0),
  ...LONGER.map((text) => encoder.encode(text)),
];
const grammars = openGrammars({
  size: TOKENS.length,
  stopTokens: [STOP],
  bytes: (id) => TOKENS[id] ?? new Uint8Array(0),
});

/** The same numbers every time, from 0 up to 1. */
function drawing(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A whole text of a form, as a model would write it that draws from what is allowed; it hastens to its end. */
async function write(form: Form, random: () => number): Promise<string> {
  const { allowed, accept, close } = await grammars.match(form);
  const bytes: number[] = [];
  for (let count = 0; ; count += 1) {
    const mask = await allowed();
    const ids = TOKENS.map((_, id) => id).filter((id) => ((mask[id >> 5] ?? 0) >>> (id & 31)) & 1);
    const closers = ids.filter((id) => '"}]'.includes(String.fromCharCode(id)));
    const mayEnd = ids.includes(STOP);
    if (mayEnd && (ids.length === 1 || count > 20 || random() < 0.5)) break;
    const from = count > 20 && closers.length > 0 ? closers : ids.filter((id) => id !== STOP);
    const id = from[Math.floor(random() * from.length)];
    assert.ok(id !== undefined && accept(id), "something is allowed and taken");
    bytes.push(...(TOKENS[id] ?? []));
    assert.ok(count < 3000, "the text ends");
  }
  close();
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
}

/** Whether a text may be written to its end. */
async function takes(form: Form, text: string): Promise<boolean> {
  const { allowed, accept, close } = await grammars.match(form);
  const all = [...encoder.encode(text)].every(accept);
  const ends = all && (((await allowed())[STOP >> 5] ?? 0) & 1) === 1;
  close();
  return ends;
}

const schemaForm = (schema: unknown): Form => ({ place: "s", kind: "json_schema", schema });
const regexForm = (regex: string): Form => ({ place: "r", kind: "regex", regex });

describe("a grammar", () => {
  it("lets nothing be written but what a validator finds the schema true of", async () => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    const random = drawing(1);
    for (let i = 0; i < 200; i += 1) {
      const schema: AnySchema = JSON.parse(JSON.stringify(randomSchema(random)));
      const text = await write(schemaForm(schema), random);
      const valid = ajv.validate(schema, JSON.parse(text));
      assert.ok(valid, `${JSON.stringify(schema)}\n${text}\n${ajv.errorsText()}`);
    }
  });

  it("takes the texts that a schema is true of and not the others", async () => {
    const person = {
      type: "object",
      properties: {
        name: { type: "string", pattern: "^[A-Zé-ü][a-zé-ü]+$" },
        age: { type: "integer", minimum: 0, exclusiveMaximum: 130 },
        pets: { type: "array", items: { $ref: "#/$defs/a%20pet" }, maxItems: 2 },
      },
      required: ["name", "age"],
      $defs: { "a pet": { anyOf: [{ enum: ["cat", "dog"] }, { type: "null" }] } },
    };
    const cases: readonly (readonly [schema: unknown, text: string, isTaken: boolean])[] = [
      [person, '{"name": "Zoë", "age": 129}', true],
      [person, '{"name":"Ann","age":0,"pets":["cat",null]}', true],
      [person, '{"name": "ann", "age": 12}', false],
      [person, '{"name": "Ann", "age": 130}', false],
      [person, '{"name": "Ann"}', false],
      [person, '{"name": "Ann", "age": 1, "pets": ["cow"]}', false],
      [person, '{"name": "Ann", "age": 1, "other": 1}', false],
      [{ type: "number", minimum: -1.5, maximum: 2.25 }, "-1.5", true],
      [{ type: "number", minimum: -1.5, maximum: 2.25 }, "2.26", false],
      [{ type: "string", minLength: 2, maxLength: 3 }, '"日é"', true],
      [{ type: "string", minLength: 2, maxLength: 3 }, '"é"', false],
      [{ type: "string", format: "date" }, '"2026-02-28"', true],
      [{ type: "string", format: "date" }, '"2026-13-01"', false],
      [{ type: "object", additionalProperties: { type: "boolean" } }, '{"é": true}', true],
      [true, '[1e3, {"a": [null]}]', true],
    ];
    for (const [schema, text, isTaken] of cases) {
      assert.equal(
        await takes(schemaForm(schema), text),
        isTaken,
        `${JSON.stringify(schema)} ${text}`,
      );
    }
  });

  it("takes what Zod's schemas take", async () => {
    const cases: readonly (readonly [schema: z.ZodType, taken: string, refused: string])[] = [
      [z.int(), "-123456789012345", "1.5"],
      [z.float32().min(-2), "-2", "-3"],
      [z.email(), '"ada@math.org"', '"ada@math"'],
      [z.uuid(), '"6ba7b810-9dad-11d1-80b4-00c04fd430c8"', '"6ba7b810"'],
      [z.iso.date(), '"2024-02-29"', '"2023-02-29"'],
      [z.record(z.string(), z.boolean()), '{"é": true}', '{"é": 1}'],
    ];
    for (const [schema, taken, refused] of cases) {
      const form = schemaForm(z.toJSONSchema(schema));
      assert.deepEqual(
        [await takes(form, taken), await takes(form, refused)],
        [true, false],
        taken,
      );
    }
  });

  it("of a regular expression is all that JavaScript matches", async () => {
    for (const regex of [
      "[^a-y]{2,5}",
      "(é|ß)[α-ω]{1,3}x?",
      "\\p{Lu}\\d+",
      "a.c|[\\u{1F300}-\\u{1F5FF}]",
    ]) {
      for (let seed = 0; seed < 5; seed += 1) {
        const text = await write(regexForm(regex), drawing(seed));
        assert.match(text, new RegExp(`^(?:${regex})$`, "su"));
      }
    }
    assert.ok(await takes(regexForm("[à-ü]+|x{2}"), "éü"));
    assert.ok(!(await takes(regexForm("[à-ü]+|x{2}"), "éý")));
  });

  it("may have repeats in repeats where each has a character", async () => {
    const lines = regexForm("(?:(?:[a-z]{1,50} ){1,50}\\n){1,50}");
    assert.ok(await takes(lines, "ab c \nde \n"));
    assert.ok(await takes(regexForm("(?:a?b{0,9}){0,100}"), "bbab"));
  });

  it("of one's own is read once for all of its answers", async () => {
    let instances = 0;
    const counting = {
      apply(make: typeof WebAssembly.instantiate, self: unknown, given: readonly unknown[]) {
        instances += 1;
        return Reflect.apply(make, self, given);
      },
    };
    const restore = replace(WebAssembly, "instantiate", (make) => new Proxy(make, counting));
    const form: Form = { place: "g", kind: "grammar", grammar: 'root ::= "a" [b-d]+' };
    assert.ok(await takes(form, "abcd"));
    const before = instances;
    assert.ok(await takes(form, "acc"));
    restore();
    assert.deepEqual([before > 0, instances], [true, before]);
  });

  const deep = (levels: number): unknown =>
    levels === 0 ? {} : { type: "array", items: deep(levels - 1) };
  const refused: readonly (readonly [what: string, form: Form, place: string])[] = [
    [
      "a keyword that it cannot hold to",
      schemaForm({ type: "array", uniqueItems: true }),
      "s.uniqueItems",
    ],
    ["a keyword that nobody knows", schemaForm({ type: "object", propertys: {} }), "s.propertys"],
    ["a schema that is itself", schemaForm({ $ref: "#" }), "s.$ref"],
    [
      "a schema that never ends",
      schemaForm({ type: "object", properties: { a: { $ref: "#" } }, required: ["a"] }),
      "s.properties.a.$ref",
    ],
    ["a reference to nothing", schemaForm({ $ref: "#/$defs/x" }), "s.$ref"],
    ["a reference elsewhere", schemaForm({ $ref: "http://x/y" }), "s.$ref"],
    ["a bound past every number", schemaForm({ type: "integer", minimum: 1e15 }), "s.minimum"],
    ["names that there are none of", schemaForm({ propertyNames: false }), "s.propertyNames"],
    ["a bound that nothing keeps", schemaForm({ type: "integer", minimum: 2, maximum: 1 }), "s"],
    ["a schema of 10,000 levels", schemaForm(deep(5000)), "s"],
    ["no regular expression", regexForm("(a"), "r"],
    ["a look around", regexForm("a(?=b)"), "r"],
    ["a repeat that is too long", regexForm("a{5000}"), "r"],
    ["repeats of repeats that may all be empty", regexForm("(?:(?:a{0,30}){0,30}){0,30}"), "r"],
    [
      "such repeats in a pattern of a schema",
      schemaForm({ type: "string", pattern: "^((a?|b{0,40}){1,30}c?)*$" }),
      "s.pattern",
    ],
    ["no grammar", { place: "g", kind: "grammar", grammar: "root ::= (" }, "g"],
    ["a grammar with no root", { place: "g", kind: "grammar", grammar: 'a ::= "a"' }, "g"],
  ];
  for (const [what, form, place] of refused) {
    it(`refuses ${what} by its place, and the next one is read`, async () => {
      await assert.rejects(grammars.match(form), (error) => {
        assert.ok(error instanceof GrammarError, String(error));
        assert.equal(error.place, place);
        return true;
      });
      assert.ok(await takes(regexForm("ab"), "ab"));
    });
  }
});
