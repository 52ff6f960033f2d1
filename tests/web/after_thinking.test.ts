import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createConstraints } from "../../web/src/engine/constraints.ts";
import type { Thinking } from "../../web/src/engine/thinking.ts";
import { createTokenizer } from "../../web/src/engine/tokenizer.ts";
import type { Constraint } from "../../web/src/runtime/constrained.ts";
import { IM_END, toyBundle } from "./toy_bundle.ts";

const [THINK, END_THINK, WORDY] = [258, 259, 260];
const [NEWLINE, A, B] = [10, 97, 98];
const bytes = (text: string): number[] => [...new TextEncoder().encode(text)];

/** What holds an answer of the toy to `a+`; one more token is ">b". */
async function holdToA(thinking: Thinking): Promise<Constraint> {
  const { files, manifest } = toyBundle();
  const tokenizer = createTokenizer(new TextDecoder().decode(files.get("tokenizer.json")), "{}");
  const wordy = {
    ...tokenizer,
    bytes: (id: number) => (id === WORDY ? Uint8Array.from(bytes(">b")) : tokenizer.bytes(id)),
  };
  const constraint = await createConstraints(wordy, manifest, null).of(
    {
      id: 1,
      messages: [],
      sampling: { temperature: 0, top_k: 0, top_p: 1, seed: 0 },
      form: { place: "response_format", kind: "regex", regex: "a+" },
    },
    thinking,
    new AbortController().signal,
  );
  assert.ok(constraint);
  return constraint;
}

/** Which of the tokens may come. */
async function mayCome(constraint: Constraint, ids: readonly number[]) {
  const mask = await constraint.allowed();
  return ids.filter((id) => ((mask?.[id >> 5] ?? -1) >>> (id & 31)) & 1);
}

async function hear(constraint: Constraint, ids: readonly number[]): Promise<void> {
  for (const id of ids) {
    assert.deepEqual(await mayCome(constraint, [id]), [id]);
    constraint.accept(id);
  }
}

describe("an answer behind a thought", () => {
  for (const [how, ids] of [
    ["one token", [END_THINK]],
    ["several tokens", bytes("</think>")],
    ["several tokens after a beginning of it", bytes("</th</think>")],
  ] as const) {
    it(`is held to its form from where ${how} ended the thought`, async () => {
      const constraint = await holdToA("open");
      await hear(constraint, [...bytes("b <"), ...ids]);
      assert.deepEqual(await mayCome(constraint, [A, B, NEWLINE, IM_END]), [A, NEWLINE]);
      await hear(constraint, bytes("\na"));
      assert.deepEqual(await mayCome(constraint, [A, B, NEWLINE, IM_END]), [A, IM_END]);
    });
  }

  it("does not begin inside of the token that ends the thought", async () => {
    const constraint = await holdToA("open");
    await hear(constraint, [WORDY, ...bytes("</think")]);
    assert.deepEqual(await mayCome(constraint, [B, WORDY, ...bytes(">")]), [B, ...bytes(">")]);
    await hear(constraint, [B, WORDY]);
  });

  it("may come without a thought where the model decides on that", async () => {
    const [thoughtful, direct] = [await holdToA("possible"), await holdToA("possible")];
    assert.deepEqual(await mayCome(thoughtful, [A, B, THINK]), [A, THINK]);
    await hear(thoughtful, [THINK, ...bytes("b</think>a")]);
    await hear(direct, bytes("a"));
    for (const each of [thoughtful, direct]) {
      assert.deepEqual(await mayCome(each, [A, B, THINK, IM_END]), [A, IM_END]);
    }
  });
});
