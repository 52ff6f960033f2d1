import type { MarkdownLabels } from "./labels.ts";
import { Later } from "./later.ts";

/** What colours code. */
export const highlighter = new Later(() => import("./highlight.ts"));

/** Colouring may take this share of the time while code comes in. */
const SHARE = 0.1;
const COPIED_MS = 1500;

/**
 * A block of code with its language and a button that copies it.
 *
 * Code that comes in is added as plain text at once. Colouring starts over with the whole block, so it waits for the end
 * of a line, and longer the longer it takes.
 */
export class CodeBlock {
  readonly node = document.createElement("figure");
  readonly #name = document.createElement("span");
  readonly #code = document.createElement("code");
  #text = "";
  #language = "";
  #coloured = "";
  #nextAt = 0;

  constructor(labels: MarkdownLabels) {
    this.node.className = "code";
    const head = document.createElement("figcaption");
    head.append(
      this.#name,
      copyButton(labels, () => this.#text),
    );
    const frame = document.createElement("pre");
    frame.tabIndex = 0; // a long line scrolls, from the keyboard as well
    frame.dir = "ltr";
    frame.append(this.#code);
    this.node.append(head, frame);
  }

  show(text: string, language: string, whole: boolean): void {
    if (language !== this.#language) {
      this.#language = language;
      this.#name.textContent = language;
      this.#coloured = "";
    }
    if (text.startsWith(this.#text) && this.#text !== "") {
      if (text !== this.#text) this.#code.append(text.slice(this.#text.length));
    } else if (text !== this.#text) {
      this.#code.textContent = text;
      this.#coloured = "";
    }
    this.#text = text;
    this.#colour(whole);
  }

  #colour(whole: boolean): void {
    if (this.#language === "") return;
    highlighter.use(({ highlight }) => {
      const text = whole ? this.#text : this.#text.slice(0, this.#text.lastIndexOf("\n") + 1);
      const started = performance.now();
      if (text.length <= this.#coloured.length || (!whole && started < this.#nextAt)) return;
      const nodes = highlight(text, this.#language);
      if (nodes === null) return;
      this.#code.replaceChildren(nodes, this.#text.slice(text.length));
      this.#coloured = text;
      this.#nextAt = started + (performance.now() - started) / SHARE;
    });
  }
}

function copyButton(labels: MarkdownLabels, text: () => string): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = labels.copy;
  button.addEventListener("click", async () => {
    button.textContent = await navigator.clipboard.writeText(text()).then(
      () => labels.copied,
      () => labels.uncopied,
    );
    setTimeout(() => {
      button.textContent = labels.copy;
    }, COPIED_MS);
  });
  return button;
}
