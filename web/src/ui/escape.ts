import { part } from "./parts.ts";

/** Calls back when Escape is pressed that is not for something else: a dialog, the list of chats, an input method. */
export function watchEscape(act: () => void): void {
  const page = part("page", HTMLElement);
  document.addEventListener("keydown", ({ key, target, isComposing, defaultPrevented }) => {
    if (key !== "Escape" || isComposing || defaultPrevented) return;
    if (document.querySelector("dialog[open]") !== null) return;
    const besides = target instanceof Element && target !== document.body && !page.contains(target);
    if (!besides) act();
  });
}
