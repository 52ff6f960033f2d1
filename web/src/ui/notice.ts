import { button, element, focusForTyping, iconButton, part } from "./parts.ts";
import { text } from "./texts.ts";

const SHOWN_MS = 12_000;
let hiding: ReturnType<typeof setTimeout> | undefined;
/** What had the focus before the notice got it. */
let before: HTMLElement | null = null;

/** What a notice has a button for. */
export interface Offer {
  readonly label: string;
  readonly act: () => void;
}

/**
 * Says something at the edge of the page for a while, with a button that undoes what it says or does what it asks for, if
 * there is one. Gives back what tells whether it still stands there.
 */
export function notify(sentence: string, offer?: Offer): () => boolean {
  const place = part("notice", HTMLElement);
  hide(place);
  // Over a dialog nothing outside of it can be reached.
  (document.querySelector("dialog[open]") ?? document.body).append(place);
  const words = element("span", "", sentence);
  words.dir = "auto";
  place.append(words);
  if (offer !== undefined) {
    place.append(
      button("action", offer.label, () => {
        hide(place);
        offer.act();
      }),
    );
  }
  place.append(iconButton("close", text("close"), () => hide(place)));
  place.addEventListener("focusin", noteFocus);
  place.hidden = false;
  hideLater(place);
  return () => words.isConnected;
}

/** It stays as long as somebody is at it. */
function hideLater(place: HTMLElement): void {
  hiding = setTimeout(() => {
    if (place.matches(":hover, :focus-within")) hideLater(place);
    else hide(place);
  }, SHOWN_MS);
}

function noteFocus({ currentTarget, relatedTarget }: FocusEvent): void {
  if (!(currentTarget instanceof Node) || !(relatedTarget instanceof HTMLElement)) return;
  if (!currentTarget.contains(relatedTarget)) before = relatedTarget;
}

function hide(place: HTMLElement): void {
  clearTimeout(hiding);
  const focused = place.contains(document.activeElement);
  place.hidden = true;
  place.replaceChildren();
  if (!focused) return;
  if (before?.isConnected) before.focus();
  else focusForTyping(part("message", HTMLElement));
}
