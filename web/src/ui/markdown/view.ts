import type { Links } from "marked";
import type { MarkdownLabels } from "./labels.ts";
import { isKnown, lex } from "./lexer.ts";
import { NodeList } from "./nodes.ts";
import { piecesOf } from "./pieces.ts";
import { showable } from "./unfinished.ts";

/**
 * Markdown that comes in pieces, as elements below a root of its own, in a page or a shadow tree.
 *
 * Only the last block can still change, so each picture of the screen reads and draws that one alone. The text is hostile:
 * it becomes text nodes and elements of a fixed few kinds, never HTML; nothing in it is loaded, and links lead to other
 * sites only.
 */
export class MarkdownView {
  readonly #nodes: NodeList;
  readonly #labels: MarkdownLabels;
  readonly #links: Links = {};
  /** The last block, and what has come since. */
  #tail = "";
  /** Nodes of the blocks before it. */
  #settled = 0;
  #frame = 0;

  constructor(root: HTMLElement, labels: MarkdownLabels) {
    root.classList.add("markdown");
    this.#nodes = new NodeList(root, labels);
    this.#labels = labels;
  }

  /** Adds text, which shows with the next picture of the screen. */
  append(text: string): void {
    this.#tail = (this.#tail + text).replaceAll("\r\n", "\n");
    if (this.#frame === 0) {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        this.#draw(false);
      });
    }
  }

  /** The text is over: all of it shows, markup that was never finished as it was written. */
  end(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#draw(true);
  }

  #draw(whole: boolean): void {
    const tokens = lex(whole ? this.#tail : showable(this.#tail), this.#links);
    const last = whole ? tokens.length : tokens.findLastIndex(({ type }) => type !== "space");
    const settled = tokens.slice(0, Math.max(last, 0));
    const before = piecesOf(settled, { ...this.#labels, whole: true });
    const now = piecesOf(tokens.slice(settled.length), { ...this.#labels, whole });
    this.#nodes.show([...before, ...now], this.#settled);
    this.#settled += before.length;
    for (const token of settled) {
      if (isKnown(token) && token.type === "def") this.#links[token.tag] ??= token;
    }
    this.#tail = this.#tail.slice(settled.reduce((sum, { raw }) => sum + raw.length, 0));
  }
}
