/** Light, dark, or whatever the system says. theme_first.js applies the stored choice before the first paint. */

import { part } from "./parts.ts";

const THEMES = ["system", "light", "dark"] as const;
type Theme = (typeof THEMES)[number];

const STORAGE_KEY = "windowseat-theme";

/** Makes the theme button go round the themes and remember where it stopped. */
export function watchThemeButton(): void {
  const button = part("theme", HTMLButtonElement);
  let theme = THEMES.find((name) => name === document.documentElement.dataset.theme) ?? "system";
  label(button, theme);
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
    document.documentElement.dataset.theme = theme;
    label(button, theme);
    remember(theme);
  });
}

function label(button: HTMLButtonElement, theme: Theme): void {
  button.ariaLabel = `Theme: ${theme}`;
  button.title = button.ariaLabel;
}

function remember(theme: Theme): void {
  try {
    localStorage.setItem(STORAGE_KEY, theme);
  } catch {
    // Storage is switched off: the choice holds until the page is closed.
  }
}
