import {
  COLOURS,
  type Colours,
  LONG,
  post,
  readFromFrame,
  type ToFrame,
} from "./frame_protocol.ts";
import { shellTexts } from "./languages.ts";
import { underPolicy } from "./page_policy.ts";
import { type Panel, type PanelHost, WidgetError } from "./panel_types.ts";
import type { Settings } from "./settings.ts";

export { readPage } from "./page_text.ts";

/** How long an embed page may take to answer once it is loaded. */
const PATIENCE_MS = 10_000;

interface Waiting {
  readonly answered: (answer: string) => void;
  readonly refused: (error: WidgetError) => void;
}

const SANDBOX = "allow-scripts allow-same-origin allow-popups allow-popups-to-escape-sandbox";

/** The panel on an embed page in a frame, once that page has said that it may stand here; `signal` gives it up. */
export async function openFrame(
  address: URL,
  place: HTMLElement,
  settings: Settings,
  host: PanelHost,
  signal: AbortSignal,
): Promise<Panel> {
  if (signal.aborted) throw takenOff();
  const frame = document.createElement("iframe");
  frame.title = settings.heading || shellTexts(settings.lang).chat;
  // Links of an answer open beside the page; nothing in the frame can lead the page itself elsewhere. A frame of the page's
  // own origin could take its sandbox off, which browsers warn of.
  if (address.origin !== location.origin) frame.setAttribute("sandbox", SANDBOX);
  frame.allow = "clipboard-write";
  frame.src = address.href;
  const panel = new FramePanel(frame, address.origin, settings, host);
  try {
    await underPolicy(address.href, () => {
      place.replaceChildren(frame);
      return panel.greet(signal);
    });
  } catch (error) {
    panel.close();
    throw error;
  }
  return panel;
}

class FramePanel implements Panel {
  readonly #frame: HTMLIFrameElement;
  readonly #origin: string;
  readonly #host: PanelHost;
  readonly #ended = new AbortController();
  readonly #waiting = new Map<number, Waiting>();
  #settings: Settings;
  /** The window that the page has come to; a moved frame gets another one, whose page is not there yet. */
  #page: Window | null = null;
  #lastId = 0;
  #greeted = (): void => {};

  constructor(frame: HTMLIFrameElement, origin: string, settings: Settings, host: PanelHost) {
    this.#frame = frame;
    this.#origin = origin;
    this.#settings = settings;
    this.#host = host;
    const { signal } = this.#ended;
    window.addEventListener("message", (event) => this.#hear(event), { signal });
  }

  /** Says hello whenever the page in the frame has come, anew where the element was moved; waits for its first answer. */
  greet(given: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const site = this.#origin;
      const message = `${site} does not show its chat on ${location.origin}; its builder allows a page with --allow-origin.`;
      let tooLate: ReturnType<typeof setTimeout> | undefined;
      const arrive = (): void => {
        tooLate ??= setTimeout(() => reject(new WidgetError("unavailable", message)), PATIENCE_MS);
        this.#page = this.#frame.contentWindow;
        this.#refuseAll("The chat was moved, and its page came anew.");
        this.#hello();
        this.#send({ kind: "open" });
      };
      this.#greeted = () => {
        clearTimeout(tooLate);
        resolve();
      };
      const { signal } = this.#ended;
      this.#frame.addEventListener("load", arrive, { signal });
      given.addEventListener("abort", () => reject(takenOff()), { signal });
    });
  }

  ask(text: string): Promise<string> {
    if (text.length > LONG) {
      const message = `The question has ${text.length} characters; a frame takes ${LONG}.`;
      return Promise.reject(new WidgetError("context_length_exceeded", message));
    }
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((answered, refused) => {
      this.#waiting.set(id, { answered, refused });
      this.#send({ kind: "ask", id, text });
    });
  }

  stop(): void {
    this.#send({ kind: "stop" });
  }

  reset(): void {
    this.#send({ kind: "reset" });
  }

  focus(): void {
    this.#frame.focus();
    this.#send({ kind: "open" });
  }

  update(settings: Settings): void {
    this.#settings = settings;
    this.#hello();
  }

  close(): void {
    this.#ended.abort();
    this.#refuseAll(takenOff().message);
    this.#frame.remove();
  }

  #refuseAll(message: string): void {
    for (const { refused } of this.#waiting.values()) {
      refused(new WidgetError("stopped", message));
    }
    this.#waiting.clear();
  }

  #hello(): void {
    this.#send({ kind: "hello", settings: this.#settings, colours: coloursOf(this.#frame) });
  }

  #send(message: ToFrame): void {
    if (this.#page && this.#page === this.#frame.contentWindow)
      post(this.#page, this.#origin, message);
  }

  #hear({ source, origin, data }: MessageEvent<unknown>): void {
    if (source !== this.#frame.contentWindow || origin !== this.#origin) return;
    const message = readFromFrame(data);
    if (message === null) return;
    switch (message.kind) {
      case "hello":
        this.#greeted();
        break;
      case "progress": {
        const { stage, done, total } = message;
        this.#host.onProgress({ stage, done, total });
        break;
      }
      case "ready":
        this.#host.onReady({ model: message.model, context: message.context });
        break;
      case "message":
        this.#host.onMessage({ role: message.role, text: message.text });
        break;
      case "error":
        this.#host.onError({ code: message.code, message: message.message });
        break;
      case "answered":
        this.#take(message.id)?.answered(message.text);
        break;
      case "refused":
        this.#take(message.id)?.refused(new WidgetError(message.code, message.message));
        break;
      case "read_page":
        void this.#sendPage();
        break;
      case "close":
        this.#host.onClose();
        break;
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  async #sendPage(): Promise<void> {
    const text = await this.#host.readPage().catch(() => null);
    this.#send({ kind: "page", text });
  }
}

function takenOff(): WidgetError {
  return new WidgetError("stopped", "The chat was taken off the page.");
}

/** The colours that the page's style gives the element: no style sheet reaches into a frame. */
function coloursOf(element: HTMLElement): Colours {
  const style = getComputedStyle(element);
  return Object.fromEntries(
    COLOURS.flatMap((name) => {
      const value = style.getPropertyValue(`--windowseat-${name}`).trim();
      return value === "" ? [] : [[name, value]];
    }),
  );
}
