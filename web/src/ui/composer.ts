import { keepDraft, recallDraft } from "./draft.ts";
import { focusForTyping, part } from "./parts.ts";

/** When a question can be asked: now, as soon as the model is there, or not before something else has happened. */
export type Readiness = "now" | "soon" | "no";

interface ComposerEvents {
  readonly ask: (question: string) => void;
  /** A question was sent before the model is there: it is asked then, unless it is changed. */
  readonly wait: () => void;
  readonly think: (thinking: boolean) => void;
}

/** The box a message is written in. */
export class Composer {
  readonly #form = part("composer", HTMLFormElement);
  readonly #box = part("message", HTMLTextAreaElement);
  readonly #send = part("send", HTMLButtonElement);
  readonly #think = part("think", HTMLButtonElement);
  readonly #events: ComposerEvents;
  #readiness: Readiness = "no";
  #waits = false;

  constructor(events: ComposerEvents) {
    this.#events = events;
    this.#box.value ||= recallDraft();
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    this.#box.addEventListener("input", () => {
      this.#waits = false;
      keepDraft(this.#box.value);
      this.#fit();
    });
    this.#box.addEventListener("keydown", (event) => {
      // While an input method is composing, Enter picks a candidate.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
    this.#think.addEventListener("click", () => {
      this.thinking = this.#think.ariaPressed !== "true";
      events.think(this.thinking);
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

  set readiness(readiness: Readiness) {
    this.#readiness = readiness;
    this.#fit();
    if (readiness === "soon" || !this.#waits) return;
    this.#waits = false;
    if (readiness === "now") this.submit();
  }

  /** Asks what is written, now or as soon as that is possible. */
  submit(): void {
    const question = this.#box.value.trim();
    if (question === "" || this.#readiness === "no") return;
    if (this.#readiness === "soon") {
      this.#waits = true;
      this.#events.wait();
      return;
    }
    this.write("");
    this.#events.ask(question);
  }

  focus(): void {
    focusForTyping(this.#box);
  }

  write(text: string): void {
    this.#box.value = text;
    keepDraft(text);
    this.#fit();
  }

  /** Puts a question back that got no answer, without touching what was written since. */
  restore(question: string): void {
    if (this.#box.value === "") this.write(question);
  }

  #fit(): void {
    this.#send.disabled = this.#readiness === "no" || this.#box.value.trim() === "";
    if (CSS.supports("field-sizing", "content")) return;
    this.#box.style.height = "auto";
    this.#box.style.height = `${this.#box.scrollHeight}px`;
  }
}
