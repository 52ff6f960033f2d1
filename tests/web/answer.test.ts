import assert from "node:assert/strict";
import { it } from "node:test";
import { readAnswer } from "../../web/src/engine/answer.ts";
import { functionSchemas } from "../../web/src/engine/tool_call_xml.ts";
import { parseToolCalls } from "../../web/src/engine/tool_calls.ts";
import type { AnswerMessage } from "../../web/src/runtime/messages.ts";

/** What answers are made of, and what looks like it. */
const PARTS = [
  ...["<think>", "</think>", "<tool_call>", "</tool_call>", "<", "</", "STOP", "ST", "\n\n", "é🙂"],
  ...[
    "\n",
    " ",
    "x",
    "{",
    '"',
    "}",
    "5",
    '{"name": "f", ',
    '"arguments": {"a": "b\\"c"}',
    "</tool",
  ],
  ...["<function=f>", "<parameter=a>\n", "<parameter=n>\n", "\n</parameter>\n", "</function>"],
  '{"name": "f", "arguments": {"a": "1"}}',
  "\n<function=f>\n<parameter=a>\n1\n</parameter>\n</function>\n",
];
const PROPERTIES = { a: { type: "string" }, n: { type: "integer" } };
const TOOLS = [
  { type: "function", function: { name: "f", parameters: { properties: PROPERTIES } } },
];

/** The same whole numbers below a limit every time. */
function drawing(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** An answer's messages, with texts that follow each other as one. */
function joined(messages: readonly AnswerMessage[]): readonly string[] {
  const texts: { kind: string; text: string }[] = [];
  for (const message of messages) {
    const kind = JSON.stringify({ ...message, text: "" });
    const last = texts.at(-1);
    if ("text" in message && last?.kind === kind) last.text += message.text;
    else texts.push({ kind, text: "text" in message ? message.text : "" });
  }
  return texts.map(({ kind, text }) => `${kind} ${text}`);
}

it("an answer is the same wherever its text is cut", () => {
  const draw = drawing(1);
  for (let i = 0; i < 2000; i += 1) {
    const text = Array.from({ length: 1 + draw(9) }, () => PARTS[draw(PARTS.length)]).join("");
    const form = draw(2) ? "json" : "xml";
    const thinking = (["open", "possible", "over", undefined] as const)[draw(4)];
    const [stop, oneCall] = [draw(3) ? [] : ["STOP"], draw(3) === 0];
    const read = (pieces: readonly string[]) => {
      const calls = parseToolCalls(form, functionSchemas(TOOLS));
      const answer = readAnswer({ thinking, stop, calls, oneCall });
      const messages = pieces.flatMap((piece) => (answer.over() ? [] : answer.push(piece)));
      return joined([...messages, ...answer.end()]);
    };
    const at = draw(text.length);
    const whole = read([text]);
    for (const pieces of [[...text], [text.slice(0, at), text.slice(at)]]) {
      assert.deepEqual(
        read(pieces),
        whole,
        JSON.stringify({ text, form, thinking, stop, oneCall }),
      );
    }
  }
});
