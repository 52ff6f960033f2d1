import type { ChatMessage, Usage } from "../runtime/messages.ts";
import { element, part } from "./parts.ts";
import { usageText } from "./wording.ts";

/** A question and what came back so far. */
interface Turn {
  readonly question: string;
  thinking: string;
  answer: string;
}

/** The elements of the answer that is being written. */
interface OpenAnswer {
  readonly article: HTMLElement;
  readonly questionElement: HTMLElement;
  readonly waiting: HTMLElement;
  readonly thinking: HTMLDetailsElement;
  readonly thinkingText: HTMLElement;
  readonly answerText: HTMLElement;
}

/**
 * The conversation: its turns and their elements.
 *
 * Finished answers sit in a live region; the answer that is being written stands beside it and moves in when it is
 * finished, so that a screen reader says it once and whole.
 */
export class Transcript {
  readonly #finished = part("finished", HTMLElement);
  readonly #unfinished = part("unfinished", HTMLElement);
  #turns: Turn[] = [];
  #open: OpenAnswer | undefined;

  get isEmpty(): boolean {
    return this.#turns.length === 0;
  }

  /** What the model is told: every turn so far. */
  messages(): ChatMessage[] {
    return this.#turns.flatMap((turn, at): ChatMessage[] => {
      const question: ChatMessage = { role: "user", content: turn.question };
      if (at === this.#turns.length - 1 && this.#open !== undefined) return [question];
      const thinking = turn.thinking === "" ? {} : { reasoning_content: turn.thinking };
      return [question, { role: "assistant", content: turn.answer, ...thinking }];
    });
  }

  ask(question: string): void {
    this.#turns.push({ question, thinking: "", answer: "" });
    const questionElement = element("p", "question", question);
    questionElement.dir = "auto";
    this.#finished.append(questionElement);
    this.#open = openAnswer(questionElement);
    this.#unfinished.append(this.#open.article);
  }

  /** Says what happens while there is no text yet. */
  waitingFor(text: string): void {
    if (this.#open !== undefined) this.#open.waiting.textContent = text;
  }

  append(channel: "thinking" | "answer", text: string): void {
    const turn = this.#turns.at(-1);
    if (turn === undefined || this.#open === undefined) return;
    this.#open.waiting.remove();
    turn[channel] += text;
    this.#open.thinking.classList.toggle("writing", channel === "thinking");
    this.#open.answerText.classList.toggle("writing", channel === "answer");
    if (channel === "thinking") {
      if (!this.#open.thinking.isConnected) this.#open.answerText.before(this.#open.thinking);
      this.#open.thinkingText.append(text);
    } else {
      this.#open.answerText.append(text);
    }
  }

  finish(usage: Usage, note: string): void {
    const open = this.#open;
    if (open === undefined) return;
    open.waiting.remove();
    open.thinking.classList.remove("writing");
    open.answerText.classList.remove("writing");
    if (note !== "") open.article.append(element("p", "note", note));
    open.article.append(element("p", "usage", usageText(usage)));
    const focused = document.activeElement;
    const keepsFocus = focused instanceof HTMLElement && open.article.contains(focused);
    this.#finished.append(open.article);
    if (keepsFocus) focused.focus(); // moving an element takes the focus away from it
    this.#open = undefined;
  }

  /** Takes the unanswered question back and returns it. */
  withdraw(): string {
    const question = this.#turns.pop()?.question ?? "";
    this.#open?.questionElement.remove();
    this.#open?.article.remove();
    this.#open = undefined;
    return question;
  }

  /** Whether the answer that is being written has any text yet. */
  get hasText(): boolean {
    const turn = this.#turns.at(-1);
    return turn !== undefined && turn.thinking + turn.answer !== "";
  }

  clear(): void {
    this.#turns = [];
    this.#open = undefined;
    this.#finished.replaceChildren();
    this.#unfinished.replaceChildren();
  }
}

function openAnswer(questionElement: HTMLElement): OpenAnswer {
  const article = element("article", "reply");
  article.ariaLabel = "Answer";
  const waiting = element("p", "waiting");
  const thinking = element("details", "thinking");
  const thinkingText = element("p", "thought");
  thinkingText.dir = "auto";
  thinking.append(element("summary", "", "Thinking"), thinkingText);
  const answerText = element("p", "answer");
  answerText.dir = "auto";
  answerText.dataset.testid = "reply";
  article.append(waiting, answerText);
  return { article, questionElement, waiting, thinking, thinkingText, answerText };
}
