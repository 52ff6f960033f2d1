import type { LoadProgress } from "../api/index.ts";
import { sizeText } from "../ui/size_text.ts";
import { action, named } from "./dom.ts";
import { languageOf } from "./languages.ts";
import type { ErrorDetail, WidgetErrorCode } from "./panel_types.ts";
import type { Texts } from "./texts.ts";

/** What stands between the conversation and the message box: how the model is coming, or why it is not. */
export type Notice =
  | { readonly kind: "none" }
  | { readonly kind: "consent"; readonly bytes: number }
  | { readonly kind: "progress"; readonly progress: LoadProgress }
  | { readonly kind: "error"; readonly error: ErrorDetail; readonly lasting: boolean };

export interface NoticeActions {
  readonly download: () => void;
  readonly again: () => void;
}

/** No second try changes these. */
const FINAL: readonly WidgetErrorCode[] = ["no_webgpu", "adapter_too_small"];

export class NoticeView {
  readonly element = named("div", "notice");
  readonly #actions: NoticeActions;
  #bar: HTMLElement | null = null;

  constructor(actions: NoticeActions) {
    this.#actions = actions;
    // So that a question which comes here is read out, whatever has the focus.
    this.element.role = "status";
  }

  show(notice: Notice, texts: Texts, lang: string): void {
    if (notice.kind !== "progress") this.#bar = null;
    switch (notice.kind) {
      case "none":
        this.element.replaceChildren();
        break;
      case "consent": {
        const button = texts.download.replace("{size}", sizeText(notice.bytes, languageOf(lang)));
        this.#card("consent", texts.consent, action(button, this.#actions.download));
        break;
      }
      case "progress":
        this.#showProgress(notice.progress, texts, lang);
        break;
      case "error": {
        const card = this.#card("error", sentenceFor(notice.error.code, texts));
        card.role = "alert";
        if (notice.lasting && !FINAL.includes(notice.error.code)) {
          card.append(action(texts.again, this.#actions.again));
        }
      }
    }
  }

  #card(name: string, sentence: string, ...more: HTMLElement[]): HTMLElement {
    const card = named("div", name);
    card.append(named("p", "reason", sentence), ...more);
    this.element.replaceChildren(card);
    return card;
  }

  #showProgress({ stage, done, total }: LoadProgress, texts: Texts, lang: string): void {
    const share = total > 0 ? done / total : 0;
    const sizes =
      stage === "weights" && total > 0
        ? `${sizeText(done, languageOf(lang))} / ${sizeText(total, languageOf(lang))}`
        : "";
    if (this.#bar === null) {
      this.#bar = named("div", "progress");
      this.#bar.role = "progressbar";
      const stage = named("p", "stage");
      // Its numbers change all the time; a progress bar is asked for when someone wants to know.
      stage.ariaLive = "off";
      this.element.replaceChildren(stage, this.#bar);
    }
    const says = this.element.firstElementChild;
    if (says) says.textContent = [texts[stage], sizes].filter(Boolean).join(" · ");
    this.#bar.ariaLabel = texts[stage];
    this.#bar.ariaValueNow = String(Math.floor(100 * share));
    this.#bar.style.setProperty("--share", share.toFixed(3));
  }
}

/** One sentence, in the visitor's language; developers have the whole story in the event. */
function sentenceFor(code: WidgetErrorCode, texts: Texts): string {
  switch (code) {
    case "no_webgpu":
    case "no_adapter":
    case "adapter_too_small":
    case "device_lost":
    case "network":
      return texts[code];
    case "context_length_exceeded":
      return texts.too_long;
    case "missing_file":
    case "damaged_file":
    case "unknown_version":
      return texts.damaged;
    default:
      return texts.internal;
  }
}
