import { action, adopt, button, ICONS, label, named } from "./dom.ts";
import { directionOf, type ShellTexts } from "./languages.ts";
import type { Settings } from "./settings.ts";
import css from "./shell.css";

/** Below this width the panel takes the whole screen; shell.css has the same. */
const SHEET = "(width < 30em)";

export interface ShellActions {
  readonly open: () => void;
  readonly close: () => void;
}

/** What is in the page before anything else is loaded: the button that opens the panel, and the box it will stand in. */
export class Shell {
  /** Where the panel goes. */
  readonly place = named("div", "place");
  readonly #root: ShadowRoot;
  readonly #floating: boolean;
  readonly #start: HTMLElement;
  readonly #box: HTMLElement;
  readonly #opener: HTMLButtonElement;
  readonly #title = named("p", "title");
  readonly #greeting = named("p", "welcome");
  #closable = false;
  /** What had the focus before the panel took it. */
  #before: Element | null = null;

  constructor(host: HTMLElement, actions: ShellActions) {
    this.#root = host.attachShadow({ mode: "open" });
    adopt(this.#root, css);
    this.#floating = host.getAttribute("mode") !== "inline";
    if (this.#floating) {
      this.#opener = button("launcher", actions.open, ICONS.bubble);
      this.#opener.ariaHasPopup = "dialog";
      this.#opener.popover = "manual";
      this.#start = this.#opener;
      this.#box = named("dialog", "box");
      this.#box.popover = "manual";
    } else {
      this.#opener = button("action", actions.open);
      this.#start = named("div", "start");
      this.#start.append(this.#title, this.#greeting, this.#opener);
      this.#box = named("section", "box");
      this.#box.hidden = true;
    }
    this.#box.tabIndex = -1;
    this.#box.append(this.place);
    this.#box.addEventListener("keydown", (event) => this.#notice(event, actions.close));
    // A modal dialog would close itself, and nobody would hear of it.
    this.#box.addEventListener("cancel", (event) => {
      event.preventDefault();
      actions.close();
    });
    this.#root.append(this.#start, this.#box);
  }

  /** Shows the opener; a popover only shows once it is in the page. */
  connect(): void {
    if (this.#floating && !this.#isOpen) this.#start.showPopover();
  }

  update(settings: Settings, texts: ShellTexts): void {
    const { heading, greeting, lang, closable } = settings;
    this.#closable = closable;
    const title = heading || texts.chat;
    for (const element of [this.#start, this.#box]) {
      element.lang = lang;
      element.dir = directionOf(lang);
    }
    this.#box.ariaLabel = title;
    this.#title.textContent = title;
    this.#greeting.textContent = greeting;
    this.#greeting.hidden = greeting === "";
    if (this.#floating) label(this.#opener, title);
    else this.#opener.textContent = texts.start;
  }

  show(): void {
    if (this.#isOpen) return;
    this.#before = document.activeElement;
    if (!(this.#box instanceof HTMLDialogElement)) {
      this.#start.hidden = true;
      this.#box.hidden = false;
      return;
    }
    this.#start.hidePopover();
    if (matchMedia(SHEET).matches) this.#box.showModal();
    else this.#box.showPopover();
    this.#box.focus();
  }

  /** Gives the focus back to what had it, or to the button that opens the panel again. */
  hide(): void {
    if (!this.#isOpen) return;
    const hadFocus = this.#box.contains(this.#root.activeElement);
    if (!(this.#box instanceof HTMLDialogElement)) {
      this.#box.hidden = true;
      this.#start.hidden = false;
    } else {
      if (this.#box.matches(":popover-open")) this.#box.hidePopover();
      else this.#box.close();
      this.#start.showPopover();
    }
    if (!hadFocus) return;
    const before = this.#before;
    const known = before instanceof HTMLElement && before.isConnected && before !== document.body;
    if (known && before !== this.#root.host) before.focus();
    else this.#opener.focus();
  }

  /** While the panel's script is on its way. */
  showComing(): void {
    this.#put(named("div", "coming"));
  }

  showLost(sentence: string, text: string, act: () => void): void {
    const lost = named("div", "lost");
    lost.role = "alert";
    lost.append(named("p", "reason", sentence), action(text, act));
    this.#put(lost);
  }

  /** The box takes the focus of a button that goes: it hears Escape. */
  #put(content: HTMLElement): void {
    const hadFocus = this.place.matches(":focus-within");
    this.place.replaceChildren(content);
    if (hadFocus) this.#box.focus();
  }

  get #isOpen(): boolean {
    if (!(this.#box instanceof HTMLDialogElement)) return !this.#box.hidden;
    return this.#box.open || this.#box.matches(":popover-open");
  }

  #notice(event: KeyboardEvent, close: () => void): void {
    if (!this.#closable || event.isComposing || event.key !== "Escape") return;
    event.preventDefault();
    close();
  }
}
