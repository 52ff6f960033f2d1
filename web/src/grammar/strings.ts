import { type Expression, sequence } from "./ebnf.ts";
import { FORMATS } from "./formats.ts";
import { jsonChar, jsonString, QUOTE } from "./json_text.ts";
import { refuse } from "./refuse.ts";
import { MOST_TIMES, regexGrammar, type Writing } from "./regex.ts";
import { asCount, type Schema, shown } from "./schema_parts.ts";

/** A JSON string. */
export function stringGrammar(members: Schema, place: string): Expression {
  const inside = patternOf(members, place, jsonChar);
  if (inside !== null) return sequence(QUOTE, inside, QUOTE);
  const { least, most } = lengthsOf(members, place);
  return jsonString(least, most);
}

/** The characters of a string that a pattern or a format says something about; null where none does. */
export function patternOf(
  members: Schema,
  place: string,
  char: Writing["char"],
): Expression | null {
  // Beside a pattern a format only describes it, as Zod writes them.
  const deciding = "pattern" in members ? "pattern" : "format";
  const keywords = [deciding, "minLength", "maxLength"].filter((each) => each in members);
  const [one, other] = keywords;
  if (one !== "pattern" && one !== "format") return null;
  const here = `${place}.${one}`;
  if (other !== undefined)
    refuse(`${place}.${other}`, `cannot be held to beside ${one}; leave it out.`);
  const value = members[one];
  if (typeof value !== "string") return refuse(here, `is ${shown(value)}; give a string.`);
  if (one === "pattern") return regexGrammar(value, false, { place: here, char });
  const pattern = Object.hasOwn(FORMATS, value) ? FORMATS[value] : undefined;
  if (pattern !== undefined) return regexGrammar(pattern, true, { place: here, char });
  const known = Object.keys(FORMATS).join(", ");
  return refuse(
    here,
    `is ${shown(value)}, which cannot be held to; give one of ${known}, or a pattern.`,
  );
}

/** How many characters a string may have. */
export function lengthsOf(members: Schema, place: string): { least: number; most: number } {
  const least = asCount(members, "minLength", place) ?? 0;
  const most = asCount(members, "maxLength", place) ?? Number.POSITIVE_INFINITY;
  if (least > most) refuse(`${place}.maxLength`, `is ${most}, below minLength.`);
  const large =
    least > MOST_TIMES
      ? "minLength"
      : Number.isFinite(most) && most > MOST_TIMES
        ? "maxLength"
        : null;
  if (large !== null) {
    refuse(`${place}.${large}`, `is ${members[large]}; lengths are held to up to ${MOST_TIMES}.`);
  }
  return { least, most };
}
