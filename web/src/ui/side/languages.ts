import { part } from "../parts.ts";
import { remember } from "../remembered.ts";
import { language } from "../texts.ts";

/** Makes the menu of languages work. Every word of the page changes, so it begins anew; chats are kept. */
export function watchLanguages(leave: () => void): void {
  const menu = part("languages", HTMLSelectElement);
  menu.value = language;
  menu.addEventListener("change", () => {
    remember("language", menu.value);
    leave();
    location.reload();
  });
}
