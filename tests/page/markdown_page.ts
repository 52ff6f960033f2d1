/** A page with nothing but Markdown on it, for test_markdown.py. */

import { highlighter } from "../../web/src/ui/markdown/code.ts";
import { formula } from "../../web/src/ui/markdown/math.ts";
import { MarkdownView } from "../../web/src/ui/markdown/view.ts";

const LABELS = { copy: "Copy", copied: "Copied", uncopied: "Not copied", picture: "Picture:" };

/** A new view at the end of the page, in a shadow tree of its own if so wanted. */
function open(shadow = false): { readonly view: MarkdownView; readonly root: HTMLElement } {
  const place = document.body.appendChild(document.createElement("section"));
  const root = document.createElement("div");
  (shadow ? place.attachShadow({ mode: "open" }) : place).append(root);
  return { view: new MarkdownView(root, LABELS), root };
}

const drawn = (): Promise<number> => new Promise(requestAnimationFrame);

/** Streams texts side by side, every other one in a shadow tree, each cut into pieces, a piece of each for a picture of the screen; returns their roots. */
async function stream(texts: readonly (readonly string[])[]): Promise<HTMLElement[]> {
  const opened = texts.map((_, i) => open(i % 2 === 1));
  const longest = Math.max(...texts.map(({ length }) => length));
  for (let i = 0; i < longest; i += 1) {
    for (const [at, { view }] of opened.entries()) view.append(texts[at]?.[i] ?? "");
    await drawn();
  }
  for (const { view } of opened) view.end();
  // Colours and formulas come from scripts of their own.
  await Promise.all([highlighter.load(), formula.load()]);
  await drawn();
  return opened.map(({ root }) => root);
}

/** What a text looked like after each of its pieces. */
async function frames(pieces: readonly string[]): Promise<string[]> {
  const { view, root } = open();
  const seen: string[] = [];
  for (const piece of pieces) {
    view.append(piece);
    await drawn();
    seen.push(root.innerText);
  }
  return seen;
}

Object.assign(window, { open, stream, frames });
