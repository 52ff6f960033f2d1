/**
 * All words of the page, in the language that before_paint.js chose. One file per language; English stands in the page
 * already, the others are fetched, and whoever imports this waits for that.
 */

import english from "../../../site_builder/texts/en.json";
import { sizeText as sizeTextIn } from "./size_text.ts";

export type TextKey = keyof typeof english;

/** A sentence with {places}; or one for each of a language's plural forms, which {count} decides. */
type Text = string | Readonly<Record<string, string>>;
type Texts = Readonly<Record<TextKey, Text>>;

const OTHERS: Readonly<Record<string, () => Promise<{ readonly default: Texts }>>> = {
  ar: () => import("../../../site_builder/texts/ar.json"),
  de: () => import("../../../site_builder/texts/de.json"),
  es: () => import("../../../site_builder/texts/es.json"),
  zh: () => import("../../../site_builder/texts/zh.json"),
};

const root = document.documentElement;
const texts: Texts = { ...(await textsOf(root.lang)), ...ownTexts(root.lang) };

export const language = root.lang;
const plurals = new Intl.PluralRules(language);
const whole = new Intl.NumberFormat(language);

/** A text with its places filled; numbers are written as the language does. */
export function text(key: TextKey, places: Readonly<Record<string, string | number>> = {}): string {
  const found = texts[key];
  const form = typeof found === "string" ? found : formOf(found, Number(places.count));
  return form.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = places[name] ?? "";
    return typeof value === "number" ? whole.format(value) : value;
  });
}

/** Puts the language's words where a template has English ones: data-texts="label:send text:send". */
export function translatePage(): void {
  if (language === "en") return;
  const heading = (): string => document.querySelector("h1")?.textContent ?? "";
  const english = heading();
  for (const node of document.querySelectorAll<HTMLElement>("[data-texts]")) {
    for (const pair of (node.dataset.texts ?? "").split(" ")) {
      const [place = "", key = ""] = pair.split(":");
      if (!isKey(key)) throw new Error(`The template names the text ${key}, which en.json lacks.`);
      if (place === "text") node.textContent = text(key);
      else node.setAttribute(place === "label" ? "aria-label" : place, text(key));
    }
  }
  document.title = document.title.replace(english, heading());
}

/** Numbers with a unit or in a form of their own. */
export function formatted(value: number, options: Intl.NumberFormatOptions): string {
  return new Intl.NumberFormat(language, options).format(value);
}

export function sizeText(bytes: number): string {
  return sizeTextIn(bytes, language);
}

function formOf(forms: Readonly<Record<string, string>>, count: number): string {
  return forms[plurals.select(count)] ?? forms.other ?? "";
}

function isKey(key: string): key is TextKey {
  return Object.hasOwn(english, key);
}

/** What the site's theme says in its own words, in this language. */
function ownTexts(tag: string): Partial<Texts> {
  const block = document.getElementById("own-texts");
  if (block === null) return {};
  const own: Readonly<Record<string, Partial<Texts>>> = JSON.parse(block.textContent);
  return own[tag] ?? {};
}

async function textsOf(tag: string): Promise<Texts> {
  const fetchTexts = OTHERS[tag];
  if (fetchTexts === undefined) return english;
  try {
    return (await fetchTexts()).default;
  } catch {
    // English words run from left to right.
    root.lang = "en";
    root.dir = "ltr";
    return english;
  } finally {
    delete root.dataset.waiting;
  }
}
