/** Pieces to elements; elements that stay are kept, so that nothing flickers and a selection outlives more text. */

import { CodeBlock } from "./code.ts";
import type { MarkdownLabels } from "./labels.ts";
import { MathView } from "./math.ts";
import type { Piece } from "./pieces.ts";

interface Shown {
  readonly node: ChildNode;
  /** Shows another piece with the same node; false when that takes another node. */
  readonly show: (piece: Piece) => boolean;
}

/** The nodes below an element, in step with a list of pieces. */
export class NodeList {
  readonly #parent: ParentNode;
  readonly #labels: MarkdownLabels;
  readonly #shown: Shown[] = [];

  constructor(parent: ParentNode, labels: MarkdownLabels) {
    this.#parent = parent;
    this.#labels = labels;
  }

  /** Shows the pieces from the place `from` on and leaves alone what is before. */
  show(pieces: readonly Piece[], from = 0): void {
    for (const [i, piece] of pieces.entries()) {
      const old = this.#shown[from + i];
      if (old?.show(piece)) continue;
      const made = make(piece, this.#labels);
      made.show(piece);
      if (old) old.node.replaceWith(made.node);
      else this.#parent.append(made.node);
      this.#shown[from + i] = made;
    }
    for (const { node } of this.#shown.splice(from + pieces.length)) node.remove();
  }
}

function make(first: Piece, labels: MarkdownLabels): Shown {
  switch (first.kind) {
    case "text":
      return makeText();
    case "element":
      return makeElement(first, labels);
    case "code": {
      const block = new CodeBlock(labels);
      return {
        node: block.node,
        show: (piece) => {
          if (piece.kind !== "code") return false;
          block.show(piece.text, piece.language, piece.whole);
          return true;
        },
      };
    }
    case "math": {
      const { display } = first.token;
      const view = new MathView(display);
      return {
        node: view.node,
        show: (piece) => {
          if (piece.kind !== "math" || piece.token.display !== display) return false;
          view.show(piece.token);
          return true;
        },
      };
    }
  }
}

function makeText(): Shown {
  const node = document.createTextNode("");
  return {
    node,
    show: (piece) => {
      if (piece.kind !== "text") return false;
      // What was there stays selected when text is only added.
      if (piece.text.startsWith(node.data)) node.appendData(piece.text.slice(node.data.length));
      else node.data = piece.text;
      return true;
    },
  };
}

function makeElement(first: Piece & { kind: "element" }, labels: MarkdownLabels): Shown {
  const node = document.createElement(first.tag);
  const attributes = Object.entries(first.attributes);
  for (const [name, value] of attributes) node.setAttribute(name, value);
  const children = new NodeList(node, labels);
  return {
    node,
    show: (piece) => {
      if (piece.kind !== "element" || piece.tag !== first.tag) return false;
      if (Object.keys(piece.attributes).length !== attributes.length) return false;
      if (attributes.some(([name, value]) => piece.attributes[name] !== value)) return false;
      children.show(piece.children);
      return true;
    },
  };
}
