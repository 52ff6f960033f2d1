import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { continuation } from "../../web/src/engine/continuation.ts";
import { streamText } from "../../web/src/engine/stream_text.ts";
import { type ChannelText, splitThinking, thinkingAfter } from "../../web/src/engine/thinking.ts";

const HARD_TEXTS = [
  "plain",
  "naïve café",
  "नमस्ते क्षत्रिय",
  "👩‍👩‍👧‍👦 and 🏳️‍🌈",
  "\ufeffbyte order mark",
  "日本語🙂e\u0301",
];

describe("streamed text", () => {
  for (const text of HARD_TEXTS) {
    it(`is whole characters wherever the bytes of ${JSON.stringify(text)} are cut`, () => {
      const bytes = new TextEncoder().encode(text);
      for (let cut = 0; cut <= bytes.length; cut += 1) {
        const stream = streamText();
        const pieces = [stream.push(bytes.slice(0, cut)), stream.push(bytes.slice(cut))];
        assert.equal(pieces.join("") + stream.end(), text);
        assert.ok(pieces.every((piece) => !piece.includes("\ufffd") && piece.isWellFormed()));
      }
    });
  }

  it("comes a byte at a time without a broken character on the way", () => {
    const text = HARD_TEXTS.join("");
    const stream = streamText();
    const pieces = Array.from(new TextEncoder().encode(text), (byte) =>
      stream.push(Uint8Array.of(byte)),
    );
    assert.equal(pieces.join("") + stream.end(), text);
    assert.ok(pieces.every((piece) => piece.isWellFormed() && [...piece].length <= 1));
  });

  it("ends with U+FFFD when its last character is not whole", () => {
    const stream = streamText();
    assert.equal(stream.push(new TextEncoder().encode("ok 🙂").slice(0, -1)), "ok ");
    assert.equal(stream.end(), "\ufffd");
  });
});

function collect(startsThinking: boolean, pieces: readonly string[]): Record<string, string> {
  const splitter = splitThinking(startsThinking);
  const all: ChannelText[] = pieces.flatMap((piece) => [...splitter.push(piece)]);
  all.push(...splitter.end());
  const texts: Record<string, string> = { thinking: "", answer: "" };
  for (const { channel, text } of all) texts[channel] += text;
  return texts;
}

describe("thinking", () => {
  const text = "First a < b,\nthen </thin air.\n</think>\n\nThe answer\n\nis 4.\n";
  const expected = { thinking: "First a < b,\nthen </thin air.", answer: "The answer\n\nis 4.\n" };

  it("is split from the answer wherever the text is cut", () => {
    for (let cut = 0; cut <= text.length; cut += 1) {
      assert.deepEqual(collect(true, [text.slice(0, cut), text.slice(cut)]), expected, `at ${cut}`);
    }
  });

  it("is split from the answer a character at a time", () => {
    assert.deepEqual(collect(true, [...text]), expected);
  });

  it("that never ends is thinking to its end, half a tag too", () => {
    assert.deepEqual(collect(true, ["I wonder </thi"]), {
      thinking: "I wonder </thi",
      answer: "",
    });
  });

  it("may be opened by the first word of the answer, wherever the text is cut", () => {
    const opened = `\n<think>\n${text}`;
    for (let cut = 0; cut <= opened.length; cut += 1) {
      const pieces = [opened.slice(0, cut), opened.slice(cut)];
      assert.deepEqual(collect(false, pieces), expected, `at ${cut}`);
    }
    assert.deepEqual(collect(false, [...opened]), expected);
  });

  it("is not looked for in an answer that starts with other words", () => {
    for (const answer of ["  Write <think> and </think>.", "<thin", "<b>x</b></think>", "", " "]) {
      assert.deepEqual(collect(false, [answer]), { thinking: "", answer });
      assert.deepEqual(collect(false, [...answer]), { thinking: "", answer });
    }
  });

  it("is open, over or possible as the prompt leaves it", () => {
    assert.equal(thinkingAfter("<|im_start|>assistant\n<think>\n", true), "open");
    assert.equal(thinkingAfter("<|im_start|>assistant\n<think>\n\n</think>\n\n", true), "over");
    const without = "what does <think> mean?<|im_end|>\n<|im_start|>assistant\n";
    assert.equal(thinkingAfter(without, true), "possible");
    assert.equal(thinkingAfter(without, false), "over");
  });
});

describe("an answer that goes on", () => {
  const go = (prompt: string, content: string, thought = "") =>
    continuation(prompt, { role: "assistant", content, reasoning_content: thought });

  it("has its beginning at the end of the prompt, and does not think again", () => {
    assert.deepEqual(go("ask: ", "1 2"), { text: "ask: 1 2", startsThinking: undefined });
  });

  it("goes on inside of a thought that was not finished", () => {
    assert.deepEqual(go("ask<think>\n", "", "so far"), {
      text: "ask<think>\nso far",
      startsThinking: true,
    });
  });

  it("has its thought closed before its words, whoever opened it", () => {
    const text = "ask<think>\nall of it\n</think>\n\n1 2";
    assert.deepEqual(go("ask<think>\n", "1 2", "all of it"), { text, startsThinking: undefined });
    assert.deepEqual(go("ask", "1 2", "all of it"), { text, startsThinking: undefined });
  });
});
