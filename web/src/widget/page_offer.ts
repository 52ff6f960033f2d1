import { button, ICONS, named } from "./dom.ts";
import type { Texts } from "./texts.ts";
import { pageCard } from "./transcript.ts";

/** The switch that sends the page's text along with the next question; what goes is shown before it goes. */
export class PageOffer {
  readonly element = named("div", "page");
  readonly #switch: HTMLButtonElement;
  readonly #words = named("span", "words");
  readonly #shown = named("div", "page-shown");
  readonly #read: () => Promise<string | null>;
  #texts: Texts;
  #page: string | null = null;

  constructor(texts: Texts, read: () => Promise<string | null>) {
    this.#texts = texts;
    this.#read = read;
    this.#switch = button("page-switch", () => void this.#toggle(), ICONS.page);
    this.#switch.append(this.#words);
    this.#shown.role = "status";
    this.element.append(this.#shown, this.#switch);
    this.#show();
  }

  setTexts(texts: Texts): void {
    this.#texts = texts;
    this.#show();
  }

  /** The text that goes along now, once. */
  take(): string | null {
    const page = this.#page;
    this.#set(null);
    return page;
  }

  async #toggle(): Promise<void> {
    if (this.#page !== null) return this.#set(null);
    const page = await this.#read().catch(() => null);
    this.#set(page?.trim() || null);
    if (this.#page === null) this.#shown.textContent = this.#texts.page_empty;
  }

  #set(page: string | null): void {
    this.#page = page;
    this.#show();
  }

  #show(): void {
    this.#words.textContent = this.#texts.page;
    this.#switch.ariaPressed = String(this.#page !== null);
    this.#shown.replaceChildren(
      ...(this.#page === null ? [] : [pageCard(this.#texts.page_goes, this.#page)]),
    );
  }
}
