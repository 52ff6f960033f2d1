import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cutAtStops } from "../../web/src/engine/stop_strings.ts";
import { functionSchemas } from "../../web/src/engine/tool_call_xml.ts";
import {
  type AnswerPiece,
  type CallForm,
  callFormOf,
  parseToolCalls,
} from "../../web/src/engine/tool_calls.ts";

/** Every way to cut a text in two, and the text one character at a time. */
function cuts(text: string): string[][] {
  const two = Array.from({ length: text.length + 1 }, (_, at) => [
    text.slice(0, at),
    text.slice(at),
  ]);
  return [...two, [...text]];
}

function cut(stops: readonly string[], pieces: readonly string[]): string[] {
  const cutter = cutAtStops(stops);
  const shown = pieces.map(cutter.push);
  return [shown.join("") + cutter.end(), String(cutter.found())];
}

describe("stop texts", () => {
  const cases: [stops: string[], text: string, shown: string, found: boolean][] = [
    [["END"], "one ENEND two END", "one EN", true],
    [["aab"], "aaab", "a", true],
    [["abcd", "bc"], "xabcd", "xa", true],
    [["bc", "abc"], "xabc", "x", true],
    [["\n\n"], "a\nb\nc\n", "a\nb\nc\n", false],
    [["🙂"], "a🙃b🙂c", "a🙃b", true],
    [[], "all of it", "all of it", false],
  ];
  for (const [stops, text, shown, found] of cases) {
    it(`cut ${JSON.stringify(text)} before ${JSON.stringify(stops)} wherever it comes in pieces`, () => {
      for (const pieces of cuts(text)) {
        assert.deepEqual(cut(stops, pieces), [shown, String(found)], pieces.join("|"));
      }
    });
  }

  it("hold back no more than what may still become one", () => {
    const { push } = cutAtStops(["<stop>", "now"]);
    assert.deepEqual(["a<st", "ay n", "o", " <stop", "!"].map(push), [
      "a",
      "<stay ",
      "",
      "no ",
      "<stop!",
    ]);
  });

  it("cost the same for a long text that almost comes again and again", () => {
    const { push } = cutAtStops([`${"a".repeat(999)}b`]);
    const started = performance.now();
    let shown = 0;
    for (let i = 0; i < 100_000; i += 1) shown += push("a").length;
    assert.equal(shown, 100_000 - 999);
    assert.ok(performance.now() - started < 2000);
  });
});

const TOOLS = [
  {
    type: "function",
    function: {
      name: "add",
      parameters: {
        type: "object",
        properties: {
          a: { type: "integer" },
          note: { type: "string" },
          when: { anyOf: [{ type: "string" }, { type: "null" }] },
          list: { type: ["array", "null"] },
          flag: { $ref: "#/$defs/yes%20or%20no" },
        },
        $defs: { "yes or no": { type: "boolean" } },
      },
    },
  },
  { type: "function", function: { name: "now" } },
  {
    type: "function",
    function: {
      name: "count",
      parameters: {
        $ref: "#/$defs/Given",
        $defs: {
          Given: { $ref: "#/$defs/Numbers" },
          Numbers: { properties: { n: { $ref: "#/$defs/N" } } },
          N: { type: "integer" },
        },
      },
    },
  },
];

interface Read {
  readonly text: string;
  readonly calls: readonly [name: string, given: unknown][];
}

function read(form: CallForm, pieces: readonly string[]): Read {
  const parser = parseToolCalls(form, functionSchemas(TOOLS));
  const all: AnswerPiece[] = [...pieces.flatMap(parser.push), ...parser.end()];
  const calls = new Map<number, [name: string, given: unknown]>();
  let text = "";
  let written = "";
  for (const piece of all) {
    if (piece.kind === "text") text += piece.text;
    else if (piece.kind === "call") written = "";
    else if (piece.kind === "call_arguments") written += piece.text;
    if (piece.kind === "call") calls.set(piece.index, [piece.name, null]);
    if (piece.kind !== "call_end") continue;
    const call = calls.get(piece.index);
    assert.ok(call, "a call begins before it ends");
    if (piece.whole) call[1] = JSON.parse(written);
    else calls.delete(piece.index);
  }
  return { text, calls: [...calls.values()] };
}

const json = (name: string, given: unknown): string =>
  `<tool_call>\n${JSON.stringify({ name, arguments: given })}\n</tool_call>`;
const xml = (name: string, given: Readonly<Record<string, string>>): string => {
  const values = Object.entries(given).map(
    ([key, value]) => `<parameter=${key}>\n${value}\n</parameter>\n`,
  );
  return `<tool_call>\n<function=${name}>\n${values.join("")}</function>\n</tool_call>`;
};

describe("tool calls", () => {
  const hard = { note: 'a "b" {c} </tool_call>\n\\', a: -3 };
  const cases: [what: string, form: CallForm, text: string, expected: Read][] = [
    [
      "after words",
      "json",
      `Let me.\n\n${json("add", hard)}`,
      { text: "Let me.", calls: [["add", hard]] },
    ],
    [
      "in XML",
      "xml",
      `Let me.\n\n${xml("add", { a: "-3", note: 'x < y\n\n"é🙂"', when: "null" })}`,
      {
        text: "Let me.",
        calls: [["add", { a: -3, note: 'x < y\n\n"é🙂"', when: null }]],
      },
    ],
    [
      "that are several",
      "json",
      `${json("now", {})}\n${json("add", { a: 1 })}\n`,
      {
        text: "",
        calls: [
          ["now", {}],
          ["add", { a: 1 }],
        ],
      },
    ],
    [
      "that are several in XML",
      "xml",
      `${xml("now", {})}\n${xml("add", { list: "[1, 2]", a: "many", flag: "true" })} Done.`,
      {
        text: "Done.",
        calls: [
          ["now", {}],
          ["add", { list: [1, 2], a: "many", flag: true }],
        ],
      },
    ],
    [
      "of a function whose parameters are a reference",
      "xml",
      xml("count", { n: "3" }),
      { text: "", calls: [["count", { n: 3 }]] },
    ],
    [
      "without the last tag",
      "json",
      json("now", {}).slice(0, -13),
      { text: "", calls: [["now", {}]] },
    ],
    [
      "without the last tag in XML",
      "xml",
      xml("now", {}).slice(0, -5),
      { text: "", calls: [["now", {}]] },
    ],
    [
      "with the arguments first",
      "json",
      '<tool_call>{"arguments": {"a": 1}, "name": "add"}</tool_call>',
      {
        text: "",
        calls: [["add", { a: 1 }]],
      },
    ],
    ...(["json", "xml"] as const).flatMap((form): typeof cases => {
      const write = (note: string) => (form === "json" ? json : xml)("add", { note });
      const unclosed = write("one").slice(0, -"\n</tool_call>".length);
      const two: Read["calls"] = [
        ["add", { note: "one" }],
        ["add", { note: "two" }],
      ];
      return [
        [
          `after words of them in ${form}`,
          form,
          `A <tool_call>, a \`<tool_call>{…}\`.\n${write("one")}`,
          { text: "A <tool_call>, a `<tool_call>{…}`.", calls: two.slice(0, 1) },
        ],
        [
          `the first without its last tag in ${form}`,
          form,
          `${unclosed}\n${write("two")}`,
          { text: "", calls: two },
        ],
        [
          `behind a broken one in ${form}`,
          form,
          `${unclosed} and\n${write("two")}`,
          { text: `${unclosed} and`, calls: two.slice(1) },
        ],
      ];
    }),
    [
      "not when they stand in an argument of one that was cut",
      "xml",
      `<tool_call>\n<function=add>\n<parameter=note>\n${xml("now", {})} is a`,
      {
        text: `<tool_call>\n<function=add>\n<parameter=note>\n${xml("now", {})} is a`,
        calls: [],
      },
    ],
  ];
  for (const [what, form, text, expected] of cases) {
    it(`${what} are read wherever the text is cut`, () => {
      for (const pieces of cuts(text))
        assert.deepEqual(read(form, pieces), expected, pieces.join("|"));
    });
  }

  const broken: [form: CallForm, text: string][] = [
    ["json", '<tool_call>\n{"name": "add", "arguments": {"a": 1,}}\n</tool_call>'],
    ["json", '<tool_call>\n{"name": "add", "arguments": {"a": '],
    ["json", json("unknown", {})],
    ["json", "<tool_call>\nadd(1)\n</tool_call>"],
    ["json", "Write \n<tool_call>x</tool_call> \n here."],
    ["json", '<tool_call>{"name": "add", "arguments": {"a": 1}\n</tool_call> and so on'],
    ["json", '<tool_call>{"name": "add", "other": 1}</tool_call>'],
    ["json", "a <tool_"],
    ["xml", "Write \n<tool_call>x</tool_call> \n here."],
    ["xml", xml("unknown", { a: "1" })],
    ["xml", "<tool_call>\n<function=add>\n<parameter=a>\n1\n</parameter>\nand more\n</tool_call>"],
    ["xml", "<tool_call>\n<function=add>\n<parameter=note>\nnever ends"],
    ["xml", "<tool_call>\n<functio"],
  ];
  for (const [form, text] of broken) {
    it(`that are broken come back as text: ${JSON.stringify(text)}`, () => {
      for (const pieces of cuts(text)) {
        assert.deepEqual(read(form, pieces), { text, calls: [] }, pieces.join("|"));
      }
    });
  }

  it("that are only spoken of hold nothing back", () => {
    for (const form of ["json", "xml"] as const) {
      const { push } = parseToolCalls(form, functionSchemas(TOOLS));
      const shown = ["A <tool_call>", " tag", " is\n", "text."].map((step) =>
        push(step).map((piece) => ("text" in piece ? piece.text : piece.kind)),
      );
      assert.deepEqual(shown, [["A"], [" <tool_call>", " tag"], [" is"], ["\ntext."]]);
    }
  });

  it("that begin thousands of times are read to their end", () => {
    const text = "<tool_call>".repeat(5000);
    assert.deepEqual(read("json", [text]), { text, calls: [] });
  });

  it("are told of by name first, then as their arguments come", () => {
    const parser = parseToolCalls("xml", functionSchemas(TOOLS));
    const steps = [
      "<tool_call>\n<function=add>\n",
      "<parameter=note>\nlong ",
      "text",
      "\n</parameter>\n</function>\n</tool_call>",
    ];
    assert.deepEqual(
      steps.map((step) =>
        parser.push(step).map((piece) => ("text" in piece ? piece.text : piece.kind)),
      ),
      [["call"], ['{"note": "', "long "], ["text"], ['"', "}", "call_end"]],
    );
  });

  it("have the form that the chat template shows", () => {
    assert.equal(callFormOf("{% for tool in tools %}<tool_call>\n<function=f>"), "xml");
    assert.equal(callFormOf('{% for tool in tools %}<tool_call>\n{"name"'), "json");
    assert.equal(callFormOf("{{ messages }}"), null);
  });
});
