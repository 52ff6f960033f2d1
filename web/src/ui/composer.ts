import { focusForTyping, part } from "./parts.ts";

/** The box a message is written in. */
export class Composer {
  readonly #form = part("composer", HTMLFormElement);
  readonly #box = part("message", HTMLTextAreaElement);
  readonly #send = part("send", HTMLButtonElement);
  readonly #think = part("think", HTMLButtonElement);
  #mayAsk = false;

  constructor(ask: (question: string) => void, think: (thinking: boolean) => void) {
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const question = this.#box.value.trim();
      if (!this.#mayAsk || question === "") return;
      this.write("");
      ask(question);
    });
    this.#box.addEventListener("input", () => this.#fit());
    this.#box.addEventListener("keydown", (event) => {
      // While an input method is composing, Enter picks a candidate.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#think.addEventListener("click", () => {
      this.thinking = this.#think.ariaPressed !== "true";
      think(this.thinking);
    });
  }

  get thinking(): boolean {
    return this.#think.ariaPressed === "true";
  }

  set thinking(wanted: boolean) {
    this.#think.ariaPressed = String(wanted);
  }

  set canThink(possible: boolean) {
    this.#think.hidden = !possible;
  }

  set mayAsk(possible: boolean) {
    this.#mayAsk = possible;
    this.#fit();
  }

  focus(): void {
    focusForTyping(this.#box);
  }

  write(text: string): void {
    this.#box.value = text;
    this.#fit();
  }

  /** Puts a question back that got no answer, without touching what was written since. */
  restore(question: string): void {
    if (this.#box.value === "") this.write(question);
  }

  #fit(): void {
    this.#send.disabled = !this.#mayAsk || this.#box.value.trim() === "";
    if (CSS.supports("field-sizing", "content")) return;
    this.#box.style.height = "auto";
    this.#box.style.height = `${this.#box.scrollHeight}px`;
  }
}
