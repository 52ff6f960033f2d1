import * as ar from "./texts/ar.json";
import * as de from "./texts/de.json";
import * as en from "./texts/en.json";
import * as es from "./texts/es.json";
import * as zh from "./texts/zh.json";

/** The few words that the element needs before its panel is loaded; the build leaves the others of each file out here. */
const SHELL_TEXTS = {
  ar: { chat: ar.chat, start: ar.start, lost: ar.lost, again: ar.again },
  de: { chat: de.chat, start: de.start, lost: de.lost, again: de.again },
  en: { chat: en.chat, start: en.start, lost: en.lost, again: en.again },
  es: { chat: es.chat, start: es.start, lost: es.lost, again: es.again },
  zh: { chat: zh.chat, start: zh.start, lost: zh.lost, again: zh.again },
};

export type Language = keyof typeof SHELL_TEXTS;
export type ShellTexts = (typeof SHELL_TEXTS)["en"];

const RIGHT_TO_LEFT = ["ar", "fa", "he", "ur"];

export function shellTexts(tag: string): ShellTexts {
  return SHELL_TEXTS[languageOf(tag)];
}

/** The language whose texts a tag gets; English where there are none of its own. */
export function languageOf(tag: string): Language {
  const primary = primaryOf(tag);
  const languages: readonly Language[] = ["ar", "de", "en", "es", "zh"];
  return languages.find((language) => language === primary) ?? "en";
}

export function directionOf(tag: string): "ltr" | "rtl" {
  return RIGHT_TO_LEFT.includes(primaryOf(tag)) ? "rtl" : "ltr";
}

function primaryOf(tag: string): string {
  return tag.split("-")[0]?.toLowerCase() ?? "";
}
