/** TeX to MathML. A script of its own, fetched when the first formula comes. */

import temml from "temml";

/** Shows a formula in an element; TeX that cannot be read stays as it was written. */
export function showFormula(tex: string, display: boolean, element: HTMLElement): void {
  const holder = document.createElement("span");
  try {
    temml.render(tex, holder, {
      displayMode: display,
      throwOnError: true,
      trust: false,
      // A formula may not make more of itself than this: neither by macros nor by size.
      maxExpand: 200,
      maxSize: [20, 200],
    });
  } catch {
    return;
  }
  element.replaceChildren(...holder.childNodes);
}
