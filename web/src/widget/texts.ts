import { languageOf } from "./languages.ts";
import ar from "./texts/ar.json";
import de from "./texts/de.json";
import en from "./texts/en.json";
import es from "./texts/es.json";
import zh from "./texts/zh.json";

/** All words of the panel; a language that lacks one does not compile. */
export type Texts = typeof en;

const TEXTS = { ar, de, en, es, zh } satisfies Record<string, Texts>;

export function textsIn(tag: string): Texts {
  return TEXTS[languageOf(tag)];
}
