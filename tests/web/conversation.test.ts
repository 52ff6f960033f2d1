import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Conversation,
  emptyAnswer,
  newConversation,
  question,
  titleOf,
} from "../../web/src/ui/conversation/conversation.ts";
import { readJson, writeJson } from "../../web/src/ui/conversation/json_file.ts";
import { readMarkdown, writeMarkdown } from "../../web/src/ui/conversation/markdown_file.ts";
import { caughtUp } from "../../web/src/ui/conversation/other_tabs.ts";
import { NO_SETTINGS, samplingOf } from "../../web/src/ui/conversation/settings.ts";
import {
  add,
  branch,
  change,
  chatMessages,
  show,
  siblings,
} from "../../web/src/ui/conversation/tree.ts";

const answer = (content: string, thinking = "") =>
  ({ ...emptyAnswer(), content, thinking, ending: "stop" }) as const;

/** q0 → a1 → q2 → a3, and q4 (another q2) → a5, of which the last is shown. */
function branched(): Conversation {
  let made = newConversation({ system: "Be brief.", thinking: true, numbers: { top_k: 5 } });
  made = add(made, null, question("first\nsecond line"));
  made = add(made, 0, answer("one", "a thought"));
  made = add(made, 1, question("and?"));
  made = add(made, 2, answer("two"));
  made = add(made, 1, question("or?"));
  return add(made, 4, answer("three"));
}

const contents = ({ messages }: Conversation, places: readonly number[]): unknown[] =>
  places.map((at) => messages[at]?.content);

describe("a conversation in another tab", () => {
  it("grows on screen, and what has not changed stays the same object", () => {
    const mine = branched();
    const grown = add(mine, mine.shown, question("more"));
    const seen = caughtUp(mine, structuredClone({ ...grown, title: "Ours" }));
    assert.equal(seen.title, "Ours");
    assert.equal(seen.shown, 6);
    for (const [at, message] of mine.messages.entries()) assert.equal(seen.messages[at], message);
  });

  it("keeps the branch that is on screen here", () => {
    const mine = show(branched(), 2);
    const elsewhere = add(branched(), 5, question("more"));
    assert.equal(caughtUp(mine, structuredClone(elsewhere)).shown, mine.shown);
  });

  it("lets go of messages that were taken back there", () => {
    const mine = add(branched(), 5, question("more"));
    assert.equal(caughtUp(mine, structuredClone(branched())).shown, 5);
  });
});

describe("a conversation", () => {
  it("shows one branch, and remembers the others", () => {
    const made = branched();
    assert.deepEqual(contents(made, branch(made)), ["first\nsecond line", "one", "or?", "three"]);
    assert.deepEqual(siblings(made, 4), [2, 4]);
    const other = show(made, 2);
    assert.deepEqual(contents(other, branch(other)), ["first\nsecond line", "one", "and?", "two"]);
  });

  it("shows below a message what was written there last", () => {
    const again = add(branched(), 2, answer("two again"));
    const back = show(show(again, 4), 2);
    assert.deepEqual(contents(back, branch(back)).at(-1), "two again");
  });

  it("leaves the conversation before a change as it was", () => {
    const before = branched();
    const copy = structuredClone(before);
    show(change(add(before, 5, question("more")), 0, { content: "other" }), 0);
    assert.deepEqual(before, copy);
  });

  it("tells the model the system prompt, the branch and the thinking, and nothing else", () => {
    const made = branched();
    assert.deepEqual(chatMessages(made, made.shown), [
      { role: "system", content: "Be brief." },
      { role: "user", content: "first\nsecond line" },
      { role: "assistant", content: "one", reasoning_content: "a thought" },
      { role: "user", content: "or?" },
      { role: "assistant", content: "three" },
    ]);
  });

  it("is called by its own title or the first line of its first question", () => {
    assert.equal(titleOf(branched()), "first");
    assert.equal(titleOf({ ...branched(), title: "Mine" }), "Mine");
  });

  it("draws tokens as the model wants it, but for what was chosen", () => {
    const settings = { ...NO_SETTINGS, numbers: { temperature: 0.5, seed: 7, max_tokens: 9 } };
    const sampling = samplingOf(settings, { temperature: 0, top_k: 20, top_p: 1 });
    assert.deepEqual(sampling, { temperature: 0.5, top_k: 20, top_p: 1, seed: 7 });
  });
});

describe("a JSON file", () => {
  it("brings back every branch and setting, under a new id", () => {
    const before = branched();
    const [after] = readJson(writeJson([before]));
    assert.notEqual(after?.id, before.id);
    assert.deepEqual({ ...after, id: before.id }, before);
  });

  const spoilt: Readonly<Record<string, (file: ReturnType<typeof parsed>) => unknown>> = {
    "another format": (file) => ({ ...file, format: "other" }),
    "a later version": (file) => ({ ...file, version: 2 }),
    "no list": (file) => ({ ...file, conversations: { length: 1 } }),
    "a circle": (file) => withMessage(file, 0, { parent: 0 }),
    "a parent that comes later": (file) => withMessage(file, 1, { parent: 2 }),
    "a parent that is not there": (file) => withMessage(file, 1, { parent: 99 }),
    "two questions in a row": (file) => withMessage(file, 1, { role: "user" }),
    "a role that nobody has": (file) => withMessage(file, 1, { role: "system" }),
    "content that is no text": (file) => withMessage(file, 1, { content: { toString: "x" } }),
    "an ending that is none": (file) => withMessage(file, 1, { ending: "<b>" }),
    "a branch past the end": (file) => withConversation(file, { shown: 6 }),
    "a setting out of range": (file) => withConversation(file, { settings: numbers({ top_p: 7 }) }),
    "a setting that is unknown": (file) =>
      withConversation(file, { settings: numbers({ __proto__x: 1 }) }),
    "a setting that is a text": (file) =>
      withConversation(file, { settings: numbers({ top_k: "5" }) }),
  };
  for (const [what, spoil] of Object.entries(spoilt)) {
    it(`with ${what} is refused, with the place that is wrong`, () => {
      const text = JSON.stringify(spoil(parsed()));
      assert.throws(() => readJson(text), /format|version|conversations/);
    });
  }
});

describe("a Markdown file", () => {
  const speaker = (role: string): string => (role === "user" ? "You" : "Answer");

  it("brings back the branch on screen", () => {
    const before = { ...branched(), title: "A title" };
    const after = readMarkdown(writeMarkdown(before, speaker));
    assert.equal(after.title, "A title");
    assert.equal(after.settings.system, "Be brief.");
    assert.deepEqual(chatMessages(after, after.shown), chatMessages(before, before.shown));
  });

  it("keeps lines that look like its own marks", () => {
    const content = "x\n<!-- user --> **You**\n\\<!-- assistant -->\n\n```\n<!-- system -->\n```";
    const made = add(newConversation(NO_SETTINGS), null, question(content));
    assert.equal(readMarkdown(writeMarkdown(made, speaker)).messages[0]?.content, content);
  });

  it("without such marks is refused", () => {
    assert.throws(() => readMarkdown("# Notes\n\nNothing that anybody said."), /<!-- user -->/);
    assert.throws(() => readMarkdown("<!-- user -->\na\n<!-- user -->\nb"), /follow one another/);
  });
});

function parsed(): { conversations: [Record<string, unknown> & { messages: object[] }] } {
  return JSON.parse(writeJson([branched()]));
}

function withConversation(file: ReturnType<typeof parsed>, by: object): unknown {
  return { ...file, conversations: [{ ...file.conversations[0], ...by }] };
}

function withMessage(file: ReturnType<typeof parsed>, at: number, by: object): unknown {
  const messages = file.conversations[0].messages.map((message, i) =>
    i === at ? { ...message, ...by } : message,
  );
  return withConversation(file, { messages });
}

function numbers(chosen: object): unknown {
  return { ...NO_SETTINGS, numbers: chosen };
}
