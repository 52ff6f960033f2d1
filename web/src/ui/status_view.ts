import type { Failure } from "../runtime/messages.ts";
import { element, part } from "./parts.ts";
import type { State } from "./state.ts";
import { explain, modelText, progressText, STAGE_NAMES } from "./wording.ts";

/** What the buttons beside a failure do. */
export interface Remedies {
  readonly tryAgain: () => void;
  readonly newChat: () => void;
}

/** Everything the page says about the engine: progress while loading, the model's name, failures. */
export class StatusView {
  readonly #progress = part("progress", HTMLElement);
  readonly #stage = part("progress-stage", HTMLElement);
  readonly #numbers = part("progress-numbers", HTMLElement);
  readonly #window = part("window", SVGSVGElement);
  readonly #model = part("model", HTMLElement);
  readonly #failure = part("failure", HTMLElement);
  readonly #remedies: Remedies;

  constructor(remedies: Remedies) {
    this.#remedies = remedies;
  }

  show(state: State): void {
    document.body.dataset.state = state.kind;
    switch (state.kind) {
      case "loading":
        this.#showProgress(state);
        break;
      case "reading":
      case "answering":
      case "stopping":
        break;
      case "ready":
        this.#rise(1);
        this.#model.textContent = modelText(state.model);
        break;
      case "failed":
        this.#rise(0);
        this.#model.textContent = "";
        this.showFailure(state.failure);
        break;
    }
  }

  showFailure(failure: Failure): void {
    const { title, advice, remedy } = explain(failure);
    const card = element("div", "card");
    card.append(
      element("h2", "", title),
      element("p", "", failure.message),
      element("p", "advice", advice),
    );
    switch (remedy) {
      case "try_again":
        card.append(this.#button("Try again", this.#remedies.tryAgain));
        break;
      case "new_chat":
        card.append(this.#button("Start a new chat", this.#remedies.newChat));
        break;
      case "none":
        break;
    }
    this.#failure.replaceChildren(card);
    card.scrollIntoView({ block: "nearest" });
  }

  clearFailure(): void {
    this.#failure.replaceChildren();
  }

  #button(text: string, act: () => void): HTMLButtonElement {
    const button = element("button", "action", text);
    button.type = "button";
    button.addEventListener("click", act);
    return button;
  }

  #showProgress({ stage, done, total, elapsed }: Extract<State, { kind: "loading" }>): void {
    const share = total > 0 ? done / total : 0;
    const numbers = progressText(stage, done, total, elapsed);
    this.#stage.textContent = STAGE_NAMES[stage];
    this.#numbers.textContent = numbers;
    this.#progress.ariaValueNow = String(Math.floor(100 * share));
    this.#progress.ariaValueText = `${STAGE_NAMES[stage]} ${numbers}`.trim();
    this.#progress.style.setProperty("--share", share.toFixed(3));
    if (stage === "weights") this.#rise(share);
  }

  /** The sun in the window stands as high as the model has come: 0 is below the hills, 1 is up. */
  #rise(share: number): void {
    this.#window.style.setProperty("--risen", share.toFixed(3));
  }
}
