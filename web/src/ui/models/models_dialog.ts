import { bundleAddress } from "../../runtime/bundle_address.ts";
import { messageOf } from "../../runtime/message_of.ts";
import type { StoredBundle } from "../../runtime/messages.ts";
import { type Device, readDevice } from "../../site/device.ts";
import type { Engine, Stored } from "../engine.ts";
import { notify } from "../notice.ts";
import type { ModelChoice } from "../page_data.ts";
import { button, element, part } from "../parts.ts";
import type { ModelStage } from "../state.ts";
import { sizeText, text } from "../texts.ts";
import { parametersText, speedText } from "../wording.ts";
import { fitOf } from "./fit.ts";
import { fitText } from "./fit_text.ts";
import { speedOf } from "./speed.ts";

export interface ModelsPlace {
  readonly models: readonly ModelChoice[];
  readonly engine: () => Engine;
  readonly current: () => ModelChoice;
  /** How far the current one is. */
  readonly stage: () => ModelStage;
  /** Loads a model, fetching it if need be. */
  readonly use: (model: ModelChoice) => void;
}

const LABELS = {
  loading: "loading_model",
  loaded: "model_in_use",
  failed: "try_again",
} as const;

/** The models of the site: which of them this device can run, what they take, and what the browser keeps of them. */
export class ModelsDialog {
  readonly #dialog = part("models", HTMLDialogElement);
  readonly #list = part("model-list", HTMLElement);
  readonly #others = part("other-models", HTMLElement);
  readonly #total = part("storage", HTMLElement);
  readonly #place: ModelsPlace;

  constructor(place: ModelsPlace) {
    this.#place = place;
    part("open-models", HTMLButtonElement).addEventListener("click", () => this.#open());
    part("delete-models", HTMLButtonElement).addEventListener("click", () => this.#delete(null));
  }

  async #open(): Promise<void> {
    this.#dialog.showModal();
    await this.#look();
  }

  /** Where the browser does not say what it keeps, models are shown as if it kept nothing. */
  async #look(): Promise<void> {
    const found = await this.#place.engine().stored().catch(notifyOf);
    await this.#show(found ?? { bundles: [], bytes: 0 });
  }

  async #delete(stored: StoredBundle | null): Promise<void> {
    const left = await this.#place
      .engine()
      .deleteStored(stored?.address ?? null)
      .catch(notifyOf);
    if (left === null) return await this.#look();
    notify(stored ? text("model_deleted", { name: stored.name }) : text("models_deleted"));
    await this.#show(left);
    this.#dialog.querySelector<HTMLElement>("button:enabled:not([hidden])")?.focus();
  }

  async #show({ bundles, bytes }: Stored): Promise<void> {
    const device = await readDevice();
    const { models } = this.#place;
    const keptOf = ({ bundle }: ModelChoice): StoredBundle | undefined =>
      bundles.find(({ address }) => address === bundleAddress(bundle));
    this.#list.replaceChildren(...models.map((model) => this.#offer(model, device, keptOf(model))));
    const offered = models.map(({ bundle }) => bundleAddress(bundle));
    const others = bundles.filter(({ address }) => !offered.includes(address));
    this.#others.replaceChildren(...others.map((stored) => this.#leftOver(stored)));
    const places = { used: sizeText(bytes), room: sizeText(device.room ?? 0) };
    this.#total.textContent = text(device.room === null ? "storage" : "storage_of", places);
    part("delete-models", HTMLButtonElement).hidden = bundles.length < 2;
  }

  #offer(model: ModelChoice, device: Device, stored: StoredBundle | undefined): HTMLLIElement {
    const item = element("li", "model");
    const here = stored?.complete === true;
    const current = model === this.#place.current();
    const fit = fitOf(model, device, stored?.bytes ?? 0);
    const facts = [parametersText(model.parameters), sizeFact(model, stored)];
    if (current) facts.unshift(text("model_chosen"));
    if (device.adapter && fit.kind !== "too_small") {
      const { tokensPerSecond, measured } = speedOf(model, device.adapter);
      const speed = speedText(tokensPerSecond, measured ? 3 : 1);
      facts.push(text(measured ? "speed_seen" : "speed_guess", { speed }));
    }
    const verdict = element("p", `fit ${fit.kind}`, fitText(fit));
    const words = element("div", "words");
    const name = element("h3", "", model.label);
    name.dir = "auto";
    words.append(name, element("p", "facts", facts.join(" · ")), verdict);
    const buttons = element("div", "buttons");
    if (stored) buttons.append(this.#deleteButton(stored));
    if (current) item.ariaCurrent = "true";
    const stage = current ? this.#place.stage() : "waiting";
    const label = stage === "waiting" ? (here ? "use_model" : "fetch_model") : LABELS[stage];
    const use = button("action", text(label), () => {
      this.#dialog.close();
      this.#place.use(model);
    });
    use.ariaLabel = `${text(label)}: ${model.label}`;
    const runs = fit.kind === "fits" || fit.kind === "tight" || fit.kind === "no_room";
    use.disabled = stage === "loading" || stage === "loaded" || !runs;
    buttons.append(use);
    item.append(words, buttons);
    return item;
  }

  /** What the browser keeps of a model that the site does not offer any more. */
  #leftOver(stored: StoredBundle): HTMLLIElement {
    const item = element("li", "model");
    const words = element("div", "words");
    words.append(
      element("h3", "", stored.name),
      element("p", "facts", text("stored_here", { size: sizeText(stored.bytes) })),
    );
    item.append(words, this.#deleteButton(stored));
    return item;
  }

  #deleteButton(stored: StoredBundle): HTMLButtonElement {
    const made = button("plain", text("delete"), () => this.#delete(stored));
    made.ariaLabel = text("delete_model", { name: stored.name });
    return made;
  }
}

function notifyOf(error: unknown): null {
  notify(messageOf(error));
  return null;
}

function sizeFact({ bytes }: ModelChoice, stored: StoredBundle | undefined): string {
  if (stored === undefined) return text("to_fetch", { size: sizeText(bytes) });
  if (stored.complete) return text("stored_here", { size: sizeText(stored.bytes) });
  return text("partly_here", { part: sizeText(stored.bytes), whole: sizeText(bytes) });
}
