import type { Failure } from "../runtime/messages.ts";
import { button, element, part } from "./parts.ts";
import type { State } from "./state.ts";
import { sizeText, text } from "./texts.ts";
import { explain, modelText, progressText, stageText } from "./wording.ts";

/** What the buttons beside a failure, or before a load, do. */
export interface Remedies {
  readonly load: () => void;
  readonly newChat: () => void;
  /** Brings a failure into view. */
  readonly goTo: (card: HTMLElement) => void;
}

/** Everything the page says about the engine: progress while loading, the model's name, failures. */
export class StatusView {
  readonly #progress = part("progress", HTMLElement);
  readonly #stage = part("progress-stage", HTMLElement);
  readonly #numbers = part("progress-numbers", HTMLElement);
  readonly #window = part("window", SVGSVGElement);
  readonly #model = part("model", HTMLElement);
  readonly #failure = part("failure", HTMLElement);
  readonly #offer = part("fetch", HTMLButtonElement);
  readonly #remedies: Remedies;

  constructor(remedies: Remedies) {
    this.#remedies = remedies;
    this.#offer.addEventListener("click", remedies.load);
  }

  /** `label` is what the chosen model is called here. */
  show(state: State, label: string): void {
    document.body.dataset.state = state.kind;
    switch (state.kind) {
      case "offered":
        this.#rise(0);
        this.#offer.textContent = text("fetch_and_start", {
          name: label,
          size: sizeText(state.bytes),
        });
        break;
      case "loading":
        this.#showProgress(state);
        break;
      case "reading":
      case "answering":
      case "stopping":
        break;
      case "ready":
        this.#rise(1);
        this.#model.textContent = modelText(label, state.model);
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
    const said = element("p", "", failure.message);
    said.lang = "en"; // the engine speaks English to everybody
    said.dir = "ltr";
    card.append(element("h2", "", text(title)), said, element("p", "advice", text(advice)));
    switch (remedy) {
      case "try_again":
        card.append(button("action", text("try_again"), this.#remedies.load));
        break;
      case "new_chat":
        card.append(button("action", text("start_new_chat"), this.#remedies.newChat));
        break;
      case "none":
        break;
    }
    this.#failure.replaceChildren(card);
    this.#remedies.goTo(card);
  }

  clearFailure(): void {
    this.#failure.replaceChildren();
  }

  #showProgress({ stage, done, total, elapsed }: Extract<State, { kind: "loading" }>): void {
    const share = total > 0 && stage !== "manifest" ? done / total : 0;
    const numbers = progressText(stage, done, total, elapsed);
    const words = stageText(stage);
    this.#stage.textContent = words;
    this.#numbers.textContent = numbers;
    this.#progress.ariaValueNow = String(Math.floor(100 * share));
    this.#progress.ariaValueText = `${words} ${numbers}`.trim();
    this.#progress.style.setProperty("--share", share.toFixed(3));
    if (stage === "weights") this.#rise(share);
  }

  /** The sun in the window stands as high as the model has come: 0 is below the hills, 1 is up. */
  #rise(share: number): void {
    this.#window.style.setProperty("--risen", share.toFixed(3));
  }
}
