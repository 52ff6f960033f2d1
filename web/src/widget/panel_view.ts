import markdownCss from "../../../site_builder/static/markdown.css";
import { Composer } from "./composer.ts";
import { adopt, button, ICONS, label, named } from "./dom.ts";
import { type Notice, NoticeView } from "./notice.ts";
import { PageOffer } from "./page_offer.ts";
import css from "./panel.css";
import type { Settings, Suggestion } from "./settings.ts";
import { type Texts, textsIn } from "./texts.ts";
import { Transcript } from "./transcript.ts";

export interface ViewActions {
  readonly ask: (question: string, page: string | null) => void;
  readonly stop: () => void;
  readonly reset: () => void;
  readonly close: () => void;
  readonly download: () => void;
  readonly again: () => void;
  readonly readPage: () => Promise<string | null>;
}

const styled = new WeakSet<Node>();

/** All that one sees of a panel. */
export class PanelView {
  readonly transcript: Transcript;
  texts: Texts;
  readonly #actions: ViewActions;
  readonly #root = named("div", "panel");
  readonly #heading = named("p", "heading");
  readonly #fresh: HTMLButtonElement;
  readonly #close: HTMLButtonElement;
  readonly #intro = named("div", "intro");
  readonly #notice: NoticeView;
  readonly #page: PageOffer;
  readonly #composer: Composer;
  readonly #note = named("p", "note");
  #settings: Settings;
  #shown: Notice = { kind: "none" };

  constructor(place: HTMLElement, settings: Settings, actions: ViewActions) {
    this.#settings = settings;
    this.#actions = actions;
    this.texts = textsIn(settings.lang);
    this.transcript = new Transcript(this.#intro);
    this.#fresh = button("fresh", actions.reset, ICONS.fresh);
    this.#close = button("close", actions.close, ICONS.close);
    this.#notice = new NoticeView(actions);
    this.#page = new PageOffer(this.texts, actions.readPage);
    this.#composer = new Composer({
      ask: (question) => actions.ask(question, this.#page.take()),
      stop: actions.stop,
    });
    const header = named("div", "header");
    header.append(this.#heading, this.#fresh, this.#close);
    const footer = named("div", "footer");
    footer.append(this.#notice.element, this.#page.element, this.#composer.element, this.#note);
    this.#root.append(header, this.transcript.element, footer);
    this.#root.role = "group";
    const tree = place.getRootNode();
    if (tree instanceof ShadowRoot && !styled.has(tree)) {
      styled.add(tree);
      adopt(tree, markdownCss);
      adopt(tree, css);
    }
    place.replaceChildren(this.#root);
    this.busy = false;
    this.update(settings);
  }

  update(settings: Settings): void {
    this.#settings = settings;
    this.texts = textsIn(settings.lang);
    const { texts } = this;
    this.#heading.textContent = settings.heading || texts.chat;
    label(this.#fresh, texts.fresh);
    label(this.#close, texts.close);
    this.#close.hidden = !settings.closable;
    this.#note.textContent = texts.note;
    this.#page.element.hidden = !settings.offersPage;
    this.#page.setTexts(texts);
    this.#composer.setTexts(texts);
    this.transcript.setTexts(texts);
    this.show(this.#shown);
    this.#intro.replaceChildren(...this.#greeting(), ...this.#suggestions(settings.suggestions));
    this.showIntro();
  }

  show(notice: Notice): void {
    this.#shown = notice;
    const hadFocus = this.#notice.element.matches(":focus-within");
    this.#notice.show(notice, this.texts, this.#settings.lang);
    // A focused button has gone with its card: from nowhere, Escape closes nothing.
    if (hadFocus) this.focus();
  }

  /** Suggestions are for the beginning; a greeting stays. */
  showIntro(): void {
    for (const list of this.#intro.querySelectorAll<HTMLElement>(".suggestions")) {
      list.hidden = !this.transcript.isEmpty;
    }
    this.#fresh.hidden = this.transcript.isEmpty;
  }

  set busy(busy: boolean) {
    this.#composer.busy = busy;
    for (const suggestion of this.#intro.querySelectorAll("button")) suggestion.disabled = busy;
  }

  withdraw(question: string): void {
    this.transcript.withdraw();
    this.#composer.restore(question);
    this.showIntro();
  }

  clear(): void {
    this.transcript.clear();
    this.showIntro();
  }

  focus(): void {
    this.#composer.focus();
  }

  remove(): void {
    this.#root.remove();
  }

  #greeting(): HTMLElement[] {
    const { greeting } = this.#settings;
    if (greeting === "") return [];
    const said = named("p", "greeting", greeting);
    said.dir = "auto";
    return [said];
  }

  #suggestions(suggestions: readonly Suggestion[]): HTMLElement[] {
    if (suggestions.length === 0) return [];
    const list = named("div", "suggestions");
    list.role = "group";
    list.ariaLabel = this.texts.suggestions;
    const buttons = suggestions.map((suggestion) => {
      const made = button("suggestion", () => {
        this.#actions.ask(suggestion.text, this.#page.take());
        this.focus();
      });
      made.textContent = suggestion.label;
      made.dir = "auto";
      return made;
    });
    list.append(...buttons);
    return [list];
  }
}
