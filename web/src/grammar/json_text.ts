import { type CharSet, charsOf, EVERY, intersection, range, without } from "./char_set.ts";
import { choice, type Expression, literal, oneOf, repeat, sequence } from "./ebnf.ts";

const CONTROLS = range(0, 0x1f);
const ESCAPED = charsOf('"\\');
const SHORT: ReadonlyMap<number, string> = new Map([
  [0x22, '\\"'],
  [0x5c, "\\\\"],
  [0x08, "\\b"],
  [0x09, "\\t"],
  [0x0a, "\\n"],
  [0x0c, "\\f"],
  [0x0d, "\\r"],
]);

/** The characters that stand for themselves in a JSON string. */
export const PLAIN: CharSet = without(without(EVERY, CONTROLS), ESCAPED);
const HEX = "[0-9A-Fa-f]";
export const QUOTE = literal('"');

/** A character outside of Unicode's first plane stands for itself, never for two escapes. */
const ESCAPE = `"\\\\" (["\\\\/bfnrt] | "u" ([0-9A-Ca-cEFef] ${HEX} | [Dd] [0-7] ${HEX}) ${HEX} ${HEX})`;

/** Any character inside of a JSON string. */
const ANY_CHAR: Expression = `(${oneOf(PLAIN)} | ${ESCAPE})`;
/** Any JSON string: runs of plain characters, which are one step to XGrammar however long, with escapes in between. */
const ANY_STRING: Expression = `"\\"" ${oneOf(PLAIN)}* (${ESCAPE} ${oneOf(PLAIN)}*)* "\\""`;

/** One of a set of characters inside of a JSON string; null for none. */
export function jsonChar(set: CharSet): Expression | null {
  const plain = intersection(set, PLAIN);
  const other = intersection(
    set,
    [...CONTROLS, ...ESCAPED].toSorted((a, b) => a[0] - b[0]),
  );
  const escapes = other.flatMap(([least, most]) =>
    Array.from({ length: most - least + 1 }, (_, i) => literal(escapeOf(least + i))),
  );
  return choice([...(plain.length > 0 ? [oneOf(plain)] : []), ...escapes]);
}

/** Any JSON string whose length in characters lies between these. */
export function jsonString(least: number, most: number): Expression {
  if (least === 0 && most === Number.POSITIVE_INFINITY) return ANY_STRING;
  return sequence(QUOTE, repeat(ANY_CHAR, least, most), QUOTE);
}

function escapeOf(codePoint: number): string {
  return SHORT.get(codePoint) ?? `\\u${codePoint.toString(16).padStart(4, "0")}`;
}

/** One of a set of characters as it is; null for none. What is no text, the character U+0000, is left out. */
export function plainChar(set: CharSet): Expression | null {
  const some = without(set, range(0));
  return some.length > 0 ? oneOf(some) : null;
}
