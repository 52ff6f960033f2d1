import { focusForTyping } from "../ui/parts.ts";
import { button, ICONS, label, named } from "./dom.ts";
import type { Texts } from "./texts.ts";

export interface ComposerActions {
  readonly ask: (question: string) => void;
  readonly stop: () => void;
}

/** The box a message is written in: no form, since sandboxed frames send none. */
export class Composer {
  readonly element = named("div", "composer");
  readonly #box = named("textarea", "message");
  readonly #send: HTMLButtonElement;
  readonly #stop: HTMLButtonElement;
  readonly #ask: (question: string) => void;
  #busy = false;

  constructor({ ask, stop }: ComposerActions) {
    this.#ask = ask;
    this.#send = button("send", () => this.#submit(), ICONS.send);
    this.#stop = button("stop", stop, ICONS.stop);
    this.#box.rows = 1;
    this.#box.dir = "auto";
    this.#box.enterKeyHint = "send";
    this.element.append(this.#box, this.#send, this.#stop);
    this.#box.addEventListener("input", () => this.#fit());
    this.#box.addEventListener("keydown", (event) => {
      // While an input method is composing, Enter picks a candidate.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#submit();
    });
    this.#fit();
  }

  setTexts(texts: Texts): void {
    this.#box.ariaLabel = texts.message;
    this.#box.placeholder = texts.placeholder;
    label(this.#send, texts.send);
    label(this.#stop, texts.stop);
  }

  /** While a question is under way there is a button that ends it, and none that sends. */
  set busy(busy: boolean) {
    const hadFocus = this.#stop.matches(":focus") || this.#send.matches(":focus");
    this.#busy = busy;
    this.#stop.hidden = !busy;
    this.#send.hidden = busy;
    this.#fit();
    if (hadFocus) this.focus();
  }

  focus(): void {
    focusForTyping(this.#box);
  }

  /** Puts a question back that got no answer, without touching what was written since. */
  restore(question: string): void {
    if (this.#box.value !== "") return;
    this.#box.value = question;
    this.#fit();
  }

  #submit(): void {
    const question = this.#box.value.trim();
    if (this.#busy || question === "") return;
    this.#box.value = "";
    this.#fit();
    this.#ask(question);
    this.focus();
  }

  #fit(): void {
    this.#send.disabled = this.#box.value.trim() === "";
  }
}
