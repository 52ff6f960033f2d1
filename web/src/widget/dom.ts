import { element } from "../ui/parts.ts";

/** An element whose class is also its name for `::part()`. */
export function named<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  name: string,
  text = "",
): HTMLElementTagNameMap[Tag] {
  const made = element(tag, name, text);
  made.part.add(name);
  return made;
}

/** A button with a text, or with an icon and a label for those who do not see it. */
export function button(name: string, act: () => void, icon?: string): HTMLButtonElement {
  const made = named("button", name);
  made.type = "button";
  made.addEventListener("click", act);
  if (icon !== undefined) made.append(drawing(icon));
  return made;
}

/** The button of a card, which says what it does. */
export function action(text: string, act: () => void): HTMLButtonElement {
  const made = button("action", act);
  made.textContent = text;
  return made;
}

/** Names a button that shows only an icon. */
export function label(target: HTMLElement, text: string): void {
  target.ariaLabel = text;
  target.title = text;
}

export const ICONS = {
  bubble:
    "M12 4c5 0 9 3.3 9 7.5S17 19 12 19c-1.1 0-2.2-.2-3.1-.5L4 20l1.6-3.7C4 15 3 13.4 3 11.5 3 7.3 7 4 12 4ZM8 11.5h.01M12 11.5h.01M16 11.5h.01",
  close: "M6 6l12 12M18 6 6 18",
  fresh: "M12 5v14M5 12h14",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7.5 7.5h9v9h-9Z",
  page: "M7 3.5h7l4 4v13H7ZM14 3.5v4h4M10 12.5h5M10 16h5",
} as const;

/** Made node by node: a page that demands Trusted Types refuses markup from text. */
function drawing(path: string): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.ariaHidden = "true";
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

/** Has a shadow tree, or a document, use a style sheet as well. */
export function adopt(root: ShadowRoot, css: string): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  root.adoptedStyleSheets.push(sheet);
}
