import { Later } from "./later.ts";
import type { MathToken } from "./lexer.ts";

/** What sets formulas. */
export const formula = new Later(() => import("./formula.ts"));

/** A formula, in TeX until it is whole and what sets it has come. */
export class MathView {
  readonly node = document.createElement("span");
  #tex = "";

  constructor(display: boolean) {
    this.node.className = display ? "math display" : "math";
    this.node.dir = "ltr";
    if (display) this.node.tabIndex = 0; // a wide formula scrolls, from the keyboard as well
  }

  show({ tex, display, closed }: MathToken): void {
    if (closed && tex === this.#tex) return;
    this.node.textContent = tex;
    this.#tex = closed ? tex : "";
    // Its script is fetched while the formula comes in.
    formula.use(({ showFormula }) => {
      if (closed && tex === this.#tex) showFormula(tex, display, this.node);
    });
  }
}
