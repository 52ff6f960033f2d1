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

/** "12 MB" or "1.3 GB", as the language writes it. */
export function sizeText(bytes: number, tag: string): string {
  const [unit, value] = bytes < 1e9 ? ["megabyte", bytes / 1e6] : ["gigabyte", bytes / 1e9];
  const format = { style: "unit", unit, maximumFractionDigits: value < 10 ? 1 : 0 } as const;
  return new Intl.NumberFormat(languageOf(tag), format).format(value);
}
