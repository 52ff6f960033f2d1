import type { Sampling } from "../runtime/messages.ts";
import type { Conversation } from "./conversation/conversation.ts";
import {
  allows,
  NO_SETTINGS,
  NUMBER_NAMES,
  NUMBERS,
  type NumberName,
  type Settings,
} from "./conversation/settings.ts";
import { element, part } from "./parts.ts";
import { saveAsJson, saveAsMarkdown } from "./side/files.ts";
import { formatted, text } from "./texts.ts";

export interface SettingsPlace {
  readonly conversation: () => Conversation;
  readonly ofModel: () => Omit<Sampling, "seed">;
  readonly change: (settings: Settings) => void;
}

/** What one chat is told and how its answers are drawn; empty boxes show in grey what the model wants. */
export class SettingsDialog {
  readonly #dialog = part("settings", HTMLDialogElement);
  readonly #system = part("system", HTMLTextAreaElement);
  readonly #boxes: ReadonlyMap<NumberName, HTMLInputElement>;
  readonly #place: SettingsPlace;

  constructor(place: SettingsPlace) {
    this.#place = place;
    this.#boxes = new Map(NUMBER_NAMES.map((name) => [name, numberBox(name)]));
    part("open-settings", HTMLButtonElement).addEventListener("click", () => this.#open());
    part("reset-settings", HTMLButtonElement).addEventListener("click", () => {
      this.#fill({ ...NO_SETTINGS, thinking: place.conversation().settings.thinking });
      this.#keep();
    });
    part("save-markdown", HTMLButtonElement).addEventListener("click", () =>
      saveAsMarkdown(place.conversation()),
    );
    part("save-json", HTMLButtonElement).addEventListener("click", () =>
      saveAsJson([place.conversation()]),
    );
    this.#dialog.addEventListener("input", () => this.#keep());
  }

  #open(): void {
    this.#fill(this.#place.conversation().settings);
    const ofModel = this.#place.ofModel();
    for (const [name, box] of this.#boxes) {
      const stated: unknown = Reflect.get(ofModel, name);
      const usual = typeof stated === "number" ? stated : NEUTRAL[name];
      box.placeholder = typeof usual === "number" ? formatted(usual, {}) : text(usual);
    }
    const empty = this.#place.conversation().messages.length === 0;
    part("save", HTMLElement).hidden = empty;
    this.#dialog.showModal();
  }

  #fill({ system, numbers }: Settings): void {
    this.#system.value = system;
    for (const [name, box] of this.#boxes) {
      box.value = String(numbers[name] ?? "");
      box.ariaInvalid = null;
    }
  }

  /** Keeps what can be kept; a number that may not be is marked, and left as the model wants it. */
  #keep(): void {
    const numbers: Partial<Record<NumberName, number>> = {};
    for (const [name, box] of this.#boxes) {
      const fits = box.value === "" ? !box.validity.badInput : allows(name, box.valueAsNumber);
      box.ariaInvalid = fits ? null : "true";
      if (fits && box.value !== "") numbers[name] = box.valueAsNumber;
    }
    const { thinking } = this.#place.conversation().settings;
    this.#place.change({ system: this.#system.value, thinking, numbers });
  }
}

/** What a number is when neither a person nor the model sets it. */
const NEUTRAL = {
  temperature: 0,
  top_p: 1,
  top_k: 0,
  min_p: 0,
  repetition_penalty: 1,
  presence_penalty: 0,
  frequency_penalty: 0,
  seed: "random",
  max_tokens: "as_many",
} as const satisfies Record<NumberName, number | "random" | "as_many">;

function numberBox(name: NumberName): HTMLInputElement {
  const { least, most, step } = NUMBERS[name];
  const row = element("label", "number");
  const words = element("span", "", text(name));
  const hint = element("small", "", text(`${name}_hint`));
  const box = element("input", "");
  box.type = "number";
  box.min = String(least);
  box.max = String(most);
  box.step = step < 1 ? "any" : "1";
  box.inputMode = "decimal";
  row.append(words, box, hint);
  part("numbers", HTMLElement).append(row);
  return box;
}
