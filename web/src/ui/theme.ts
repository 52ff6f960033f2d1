/** Light, dark, or whatever the system says. before_paint.js applies the stored choice before the first paint. */

import { part } from "./parts.ts";
import { remember } from "./remembered.ts";
import { text } from "./texts.ts";

const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

const LABELS = { system: "theme_system", light: "theme_light", dark: "theme_dark" } as const;

/** Makes the theme button go round the themes and remember where it stopped. */
export function watchThemeButton(): void {
  const button = part("theme", HTMLButtonElement);
  let theme = THEMES.find((name) => name === document.documentElement.dataset.theme) ?? "system";
  label(button, theme);
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
    document.documentElement.dataset.theme = theme;
    label(button, theme);
    remember("theme", theme);
  });
}

function label(button: HTMLButtonElement, theme: Theme): void {
  button.ariaLabel = text(LABELS[theme]);
  button.title = button.ariaLabel;
}
