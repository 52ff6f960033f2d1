import type { MarkdownLabels } from "../ui/markdown/labels.ts";
import { MarkdownView } from "../ui/markdown/view.ts";
import { named } from "./dom.ts";
import type { Texts } from "./texts.ts";

/** How far from the end, in pixels, still counts as reading the end. */
const NEAR_THE_END = 48;

interface OpenAnswer {
  readonly question: HTMLElement;
  readonly article: HTMLElement;
  readonly text: MarkdownView;
}

/**
 * The conversation's elements. Finished answers sit in a live region; the one that is being written stands beside it and
 * moves in when it is finished, so that a screen reader says it once and whole.
 */
export class Transcript {
  readonly element = named("div", "conversation");
  readonly #finished = named("div", "log");
  readonly #unfinished = named("div", "unfinished");
  #open: OpenAnswer | null = null;
  #follows = true;

  /** `intro` stands before the first question. */
  constructor(intro: HTMLElement) {
    this.element.tabIndex = 0;
    this.element.role = "region";
    this.#finished.role = "log";
    this.element.append(intro, this.#finished, this.#unfinished);
    this.element.addEventListener("scroll", () => {
      this.#follows = this.#isAtEnd;
    });
    // What stands below takes its room from here.
    new ResizeObserver(() => this.#follow(this.#follows && !this.isEmpty)).observe(this.element);
  }

  setTexts({ conversation }: Texts): void {
    this.element.ariaLabel = conversation;
    this.#finished.ariaLabel = conversation;
  }

  get isEmpty(): boolean {
    return this.#finished.childElementCount === 0;
  }

  /** Shows a question, with the page's text that went along, and a place for its answer. */
  ask(question: string, page: string | null, texts: Texts): void {
    const asked = named("div", "question");
    const words = named("p", "words", question);
    words.dir = "auto";
    asked.append(words);
    if (page !== null) asked.append(pageCard(texts.page_went, page));
    const article = named("article", "answer");
    article.ariaLabel = texts.answer;
    article.ariaBusy = "true";
    const text = named("div", "text");
    article.append(text);
    const labels: MarkdownLabels = texts;
    this.#open = { question: asked, article, text: new MarkdownView(text, labels) };
    this.#finished.append(asked);
    this.#unfinished.append(article);
    this.#follow(true);
  }

  append(text: string): void {
    const follows = this.#isAtEnd;
    this.#open?.article.classList.add("writing");
    this.#open?.text.append(text);
    // The text is drawn with the next picture of the screen.
    if (follows) requestAnimationFrame(() => this.#follow(true));
  }

  finish(note: string): void {
    if (this.#open === null) return;
    const follows = this.#isAtEnd;
    const { article, text } = this.#open;
    text.end();
    article.ariaBusy = null;
    article.classList.remove("writing");
    if (note !== "") article.append(named("p", "note", note));
    this.#finished.append(article);
    this.#open = null;
    this.#follow(follows);
  }

  /** Takes the question back that got no answer. */
  withdraw(): void {
    this.#open?.question.remove();
    this.#open?.article.remove();
    this.#open = null;
  }

  clear(): void {
    this.#open = null;
    this.#finished.replaceChildren();
    this.#unfinished.replaceChildren();
  }

  get #isAtEnd(): boolean {
    const { scrollHeight, scrollTop, clientHeight } = this.element;
    return scrollHeight - scrollTop - clientHeight < NEAR_THE_END;
  }

  #follow(follows: boolean): void {
    if (follows) this.element.scrollTop = this.element.scrollHeight;
  }
}

/** A page's text as it goes to the model, folded. */
export function pageCard(title: string, page: string): HTMLDetailsElement {
  const card = named("details", "page-text");
  const text = named("div", "page-words", page);
  text.dir = "auto";
  text.tabIndex = 0;
  const said = title.replace("{count}", String(page.length));
  card.append(named("summary", "page-title", said), text);
  return card;
}
