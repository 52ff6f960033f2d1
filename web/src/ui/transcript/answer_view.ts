import type { Message } from "../conversation/conversation.ts";
import { MarkdownView } from "../markdown/view.ts";
import { element, iconButton } from "../parts.ts";
import { text } from "../texts.ts";
import { endingNote, usageText } from "../wording.ts";
import { branchSwitch, copyButton, type MessageActions } from "./actions.ts";

/** Where an answer stands. */
interface AnswerPlace {
  readonly siblings: readonly number[];
  /** Whether the conversation ends with it. */
  readonly last: boolean;
  /** Whether another tab is writing it. */
  readonly elsewhere: boolean;
}

/** An answer, while it comes and once it is there. */
export class AnswerView {
  readonly node = element("article", "reply");
  readonly #waiting = element("p", "waiting");
  readonly #thinking = element("details", "thinking");
  readonly #thought = element("p", "thought");
  readonly #answer = element("div", "answer");
  readonly #markdown: MarkdownView;

  constructor() {
    this.node.ariaLabel = text("answer");
    this.#thought.dir = "auto";
    this.#thinking.append(element("summary", "", text("thinking")), this.#thought);
    this.#answer.dir = "auto";
    this.#answer.dataset.testid = "reply";
    this.#markdown = new MarkdownView(this.#answer, {
      copy: text("copy"),
      copied: text("copied"),
      uncopied: text("not_copied"),
      picture: text("picture"),
    });
    this.node.append(this.#answer);
  }

  /** Says what happens while there is no text yet. */
  waitingFor(words: string): void {
    this.#waiting.textContent = words;
    if (!this.#waiting.isConnected) this.node.append(this.#waiting);
  }

  append(channel: "thinking" | "answer", words: string): void {
    if (words === "") return;
    this.#waiting.remove();
    this.#thinking.classList.toggle("writing", channel === "thinking");
    if (channel === "answer") {
      this.#markdown.append(words);
    } else {
      if (!this.#thinking.isConnected) this.#answer.before(this.#thinking);
      this.#thought.append(words);
    }
  }

  /** The answer is over, or was before, or is another tab's to write. */
  finish(
    at: number,
    message: Message,
    { siblings, last, elsewhere }: AnswerPlace,
    { regenerate, goOn, choose }: MessageActions,
  ): void {
    this.#waiting.remove();
    this.#thinking.classList.remove("writing");
    this.#markdown.end();
    const { content, ending, usage } = message;
    const note = elsewhere ? text("written_elsewhere") : endingNote(ending, usage);
    if (note !== "") this.node.append(element("p", "note", note));
    const tools = element("div", "tools");
    tools.append(
      branchSwitch(at, siblings, choose),
      copyButton(() => content),
      iconButton("again", text("regenerate"), () => regenerate(at)),
    );
    const unfinished = ending === null || ending === "cancelled" || ending === "limit";
    const goesOn = last && unfinished && !elsewhere;
    if (goesOn) tools.append(iconButton("go_on", text("go_on"), () => goOn(at)));
    if (usage !== null) {
      const facts = element("span", "usage", usageText(usage));
      facts.title = facts.textContent; // there may be no room for all of it
      tools.append(facts);
    }
    this.node.append(tools);
  }
}
