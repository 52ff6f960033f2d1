import { messageOf } from "../runtime/message_of.ts";
import { tell, type WindowseatChatEvents } from "./events.ts";
import { shellTexts } from "./languages.ts";
import { modelAddress } from "./model_address.ts";
import { type ErrorDetail, type Panel, type PanelHost, WidgetError } from "./panel_types.ts";
import { readSettings, SETTINGS_ATTRIBUTES, type Settings } from "./settings.ts";
import { Shell } from "./shell.ts";
import type { ReadPage, Sources } from "./sources.ts";

let sources: Sources | undefined;

/** Makes `<windowseat-chat>` known to the browser, once: a page may have the script twice. */
export function define(from: Sources): void {
  if (customElements.get("windowseat-chat")) return;
  sources = from;
  customElements.define("windowseat-chat", WindowseatChat);
}

/** A chat with a model that runs on the visitor's device. */
export class WindowseatChat extends HTMLElement {
  static readonly observedAttributes: readonly string[] = [...SETTINGS_ATTRIBUTES, "open"];

  /**
   * Gives the text that goes along when the visitor includes the page, instead of what `context` names. Only declared: a
   * field that begins with a value would take the place of what a page has set before this script came.
   */
  declare readPage?: (() => string | null | Promise<string | null>) | null;
  #shell: Shell | null = null;
  #panel: Promise<Panel> | null = null;
  /** Ends the opening of a panel that nobody wants any more. */
  #opening = new AbortController();
  #texts = shellTexts("en");

  get isOpen(): boolean {
    return this.hasAttribute("open");
  }

  /** Opens the panel; the first time this loads the widget's panel and, after asking if it is large, the model. */
  open(): void {
    this.toggleAttribute("open", true);
  }

  /** Closes the panel; the conversation stays. */
  close(): void {
    this.toggleAttribute("open", false);
  }

  /** Opens the panel and asks. Gives the whole answer, or throws a `WidgetError`. */
  async ask(question: string): Promise<string> {
    if (typeof question !== "string") {
      const message = `ask() was given a value of type ${typeof question}; give it a string.`;
      throw new WidgetError("invalid_type", message);
    }
    this.open();
    if (this.#panel === null) throw new WidgetError("unavailable", "The chat is not in a page.");
    return (await this.#panel).ask(question);
  }

  /** Ends the answer that is being written. */
  stop(): void {
    this.#withPanel((panel) => panel.stop());
  }

  /** Begins a new conversation. */
  reset(): void {
    this.#withPanel((panel) => panel.reset());
  }

  /** Reads attributes and suggestions again: a change of the `<option>` children alone is not noticed. */
  refresh(): void {
    if (this.#shell !== null) this.#update();
  }

  connectedCallback(): void {
    this.#shell ??= new Shell(this, { open: () => this.open(), close: () => this.close() });
    this.#update();
    this.#shell.connect();
    if (this.isOpen) this.#show(this.#shell);
  }

  /** Frees the GPU, unless the element was only moved. */
  disconnectedCallback(): void {
    queueMicrotask(() => {
      if (!this.isConnected) this.#forget();
    });
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (this.#shell === null || !this.isConnected || before === after) return;
    if (name !== "open") this.#update();
    else if (before === null) this.#show(this.#shell);
    else if (after === null) this.#hide(this.#shell);
  }

  #show(shell: Shell): void {
    shell.show();
    this.#panel ??= this.#openPanel(shell);
    this.#withPanel((panel) => panel.focus());
    tell(this, "windowseat-open", null);
  }

  #hide(shell: Shell): void {
    shell.hide();
    tell(this, "windowseat-close", null);
  }

  #update(): void {
    const settings = this.#settings();
    this.#texts = shellTexts(settings.lang);
    this.#shell?.update(settings, this.#texts);
    this.#withPanel((panel) => panel.update(settings));
  }

  #forget(): void {
    this.#opening.abort();
    this.#withPanel((panel) => panel.close());
    this.#panel = null;
  }

  #withPanel(act: (panel: Panel) => void): void {
    // What failed was told where it failed.
    this.#panel?.then(act, () => {});
  }

  async #openPanel(shell: Shell): Promise<Panel> {
    const opening = new AbortController();
    this.#opening = opening;
    shell.showComing();
    try {
      if (sources === undefined)
        throw new WidgetError("unavailable", "The element was not defined by its script.");
      const frame = this.getAttribute("frame");
      if (frame !== null) {
        const address = new URL(frame || "embed.html", frame ? document.baseURI : sources.site);
        const { openFrame, readPage } = await sources.importFrame();
        const { signal } = opening;
        return await openFrame(
          address,
          shell.place,
          this.#settings(),
          this.#host(readPage),
          signal,
        );
      }
      const { openPanel, readPage } = await sources.importPanel();
      return openPanel(shell.place, this.#settings(), this.#host(readPage), sources.worker);
    } catch (thrown) {
      const message = messageOf(thrown);
      if (!opening.signal.aborted) this.#lose(shell, message);
      throw new WidgetError("unavailable", message);
    }
  }

  #lose(shell: Shell, message: string): void {
    tell(this, "windowseat-error", { code: "unavailable", message });
    shell.showLost(this.#texts.lost, this.#texts.again, () => {
      this.#panel = this.#openPanel(shell);
      this.#withPanel((panel) => panel.focus());
    });
  }

  /** In a frame the model is looked up there, by its name. */
  #settings(): Settings {
    const settings = readSettings(this);
    if (this.hasAttribute("frame") || sources === undefined) return settings;
    return { ...settings, model: modelAddress(settings.model, sources.site) };
  }

  #host(readPage: ReadPage): PanelHost {
    const told =
      <Name extends keyof WindowseatChatEvents>(name: Name) =>
      (detail: WindowseatChatEvents[Name]["detail"]): void =>
        tell(this, name, detail);
    return {
      onProgress: told("windowseat-progress"),
      onReady: told("windowseat-ready"),
      onMessage: told("windowseat-message"),
      onError: (error: ErrorDetail) => tell(this, "windowseat-error", error),
      onClose: () => this.close(),
      readPage: async () =>
        this.readPage ? await this.readPage() : readPage(this.getAttribute("context")),
    };
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "windowseat-chat": WindowseatChat;
  }
  interface HTMLElementEventMap extends WindowseatChatEvents {}
}
