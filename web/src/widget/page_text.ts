import { isSeen } from "./seen.ts";

/** So much of a page is read at most: some thousand tokens, which a small model can still attend to. */
export const PAGE_CHARACTERS = 12_000;

/**
 * What a visitor sees of an element, or null where there is none. Text that is hidden from the eye is no part of it: it
 * would be the place to hide instructions to the model in. `innerText` knows only some ways to hide, and gives everything
 * of an element that is itself hidden.
 */
export function readPage(selector: string | null): string | null {
  if (!selector) return null;
  const found = document.querySelector(selector);
  return found === null ? null : seenText(found).trim().slice(0, PAGE_CHARACTERS);
}

function seenText(root: Element): string {
  const nodes = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  let text = "";
  let last: Element | null = null;
  while (text.length < PAGE_CHARACTERS && nodes.nextNode()) {
    const node = nodes.currentNode;
    if (node instanceof HTMLBRElement) last = null;
    if (!(node instanceof Text && node.parentElement && isSeen(node, node.parentElement))) continue;
    const block = blockAround(node.parentElement);
    if (block !== last) text = text.trimEnd() + between(last, block);
    text += wordsOf(node, node.parentElement, /\s$/.test(text));
    last = block;
  }
  return text;
}

/** As it is shown: a line break in the source is only a space, and spaces in a row are one. */
function wordsOf({ data }: Text, parent: Element, isAfterSpace: boolean): string {
  if (getComputedStyle(parent).whiteSpaceCollapse !== "collapse") return data;
  return data.replace(/[ \t\n\r\f]+/g, " ").replace(/^ /, isAfterSpace ? "" : " ");
}

/** What a text shares its lines with. */
function blockAround(element: Element): Element {
  const isInline = /^(inline|contents|ruby)/.test(getComputedStyle(element).display);
  return isInline && element.parentElement ? blockAround(element.parentElement) : element;
}

/** A row of a table stays a line. */
function between(last: Element | null, block: Element): string {
  const inOneRow =
    last?.parentElement === block.parentElement && getComputedStyle(block).display === "table-cell";
  return inOneRow ? "\t" : "\n";
}
