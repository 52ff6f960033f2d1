import assert from "node:assert/strict";
import { describe, it } from "node:test";
import ar from "../../site_builder/texts/ar.json";
import de from "../../site_builder/texts/de.json";
import en from "../../site_builder/texts/en.json";
import es from "../../site_builder/texts/es.json";
import zh from "../../site_builder/texts/zh.json";

type Text = string | Readonly<Record<string, string>>;
const LANGUAGES: Readonly<Record<string, Readonly<Record<string, Text>>>> = { ar, de, en, es, zh };

/** The places that a text has in any of its forms, except a number that a word may stand for. */
const placesOf = (text: Text): string => {
  const forms = typeof text === "string" ? text : Object.values(text).join("");
  return [...new Set(forms.match(/\{\w+\}/g))].sort().join();
};

describe("the page's texts", () => {
  for (const [tag, texts] of Object.entries(LANGUAGES)) {
    it(`are all there in ${tag}, in the order of the English ones, and none is empty`, () => {
      assert.deepEqual(Object.keys(texts), Object.keys(en));
      assert.ok(Object.values(texts).every((text) => JSON.stringify(text) !== '""'));
    });

    it(`have the same places in ${tag} as in English`, () => {
      for (const [key, text] of Object.entries(en)) {
        assert.equal(placesOf(texts[key] ?? ""), placesOf(text), key);
      }
    });

    it(`have every plural form that ${tag} has`, () => {
      const { pluralCategories } = new Intl.PluralRules(tag).resolvedOptions();
      const plurals = Object.values(texts).filter((text) => typeof text !== "string");
      assert.ok(plurals.length > 0);
      for (const forms of plurals) {
        assert.deepEqual(Object.keys(forms).sort(), [...pluralCategories].sort());
      }
    });
  }
});
