/** Something to ask first: what its button says, and what is asked. */
export interface Suggestion {
  readonly label: string;
  readonly text: string;
}

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export const DOWNLOADS = ["auto", "ask"] as const;
/** Whether a visitor is asked before every download, or before a large one. */
export type Download = (typeof DOWNLOADS)[number];

/** What a chat is about and how it looks, as its panel takes it. */
export interface Settings {
  /** Name of a model of the widget's site, or the address of a bundle's folder. */
  readonly model: string;
  readonly heading: string;
  readonly greeting: string;
  /** What the model is told before the conversation. */
  readonly system: string;
  readonly suggestions: readonly Suggestion[];
  /** A language tag. */
  readonly lang: string;
  readonly theme: Theme;
  readonly download: Download;
  /** Whether the panel has a button that closes it, and closes on Escape. */
  readonly closable: boolean;
  /** Whether the visitor may send the page's text along. */
  readonly offersPage: boolean;
}

/** The attributes that settings are read from; a change of one changes the chat at once. */
export const SETTINGS_ATTRIBUTES = [
  "model",
  "heading",
  "greeting",
  "system",
  "suggestions",
  "lang",
  "theme",
  "download",
  "closable",
  "context",
] as const;

export function readSettings(element: HTMLElement): Settings {
  const text = (name: string): string => element.getAttribute(name)?.trim() ?? "";
  return {
    model: text("model"),
    heading: text("heading"),
    greeting: text("greeting"),
    system: text("system"),
    suggestions: readSuggestions(element),
    lang: languageOf(element),
    theme: oneOf(THEMES, text("theme")),
    download: oneOf(DOWNLOADS, text("download")),
    closable: text("mode") !== "inline" || element.hasAttribute("closable"),
    offersPage: element.hasAttribute("context"),
  };
}

/** `<option>` children, or the attribute with a bar between two. */
function readSuggestions(element: HTMLElement): Suggestion[] {
  const options = [...element.querySelectorAll(":scope > option")].map((option) => {
    const label = option.textContent.trim();
    return { label, text: option.getAttribute("value")?.trim() || label };
  });
  const listed = (element.getAttribute("suggestions") ?? "")
    .split("|")
    .map((part) => ({ label: part.trim(), text: part.trim() }));
  return [...options, ...listed].filter(({ label }) => label !== "");
}

/** The element's own language, or that of what it stands in, or the visitor's. */
function languageOf(element: HTMLElement): string {
  const said = element.closest("[lang]:not([lang=''])")?.getAttribute("lang");
  return said ?? navigator.language;
}

/** The word if it is one of these, or else the first of them. */
function oneOf<const T extends string>(words: readonly [T, ...T[]], word: string): T {
  return words.find((known) => known === word) ?? words[0];
}
