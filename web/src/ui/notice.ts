import { button, element, iconButton, part } from "./parts.ts";
import { text } from "./texts.ts";

const SHOWN_MS = 12_000;
let hiding: ReturnType<typeof setTimeout> | undefined;

/** Says one sentence at the edge of the page for a while, with a button that undoes what it says, if there is one. */
export function notify(
  sentence: string,
  undo?: { readonly label: string; readonly act: () => void },
): void {
  const place = part("notice", HTMLElement);
  const hide = (): void => {
    clearTimeout(hiding);
    place.hidden = true;
    place.replaceChildren();
  };
  hide();
  const words = element("span", "", sentence);
  words.dir = "auto";
  place.append(words);
  if (undo !== undefined) {
    place.append(
      button("action", undo.label, () => {
        hide();
        undo.act();
      }),
    );
  }
  place.append(iconButton("close", text("close"), hide));
  place.hidden = false;
  hiding = setTimeout(hide, SHOWN_MS);
}
