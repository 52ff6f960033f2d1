import { type AST, RegExpParser } from "@eslint-community/regexpp";
import { messageOf } from "../runtime/message_of.ts";
import {
  type CharSet,
  charsOf,
  complement,
  EVERY,
  intersection,
  LAST,
  range,
  union,
} from "./char_set.ts";
import { choice, EMPTY, type Expression, repeat, sequence } from "./ebnf.ts";
import { refuse } from "./refuse.ts";
import { checkRepeats } from "./repeats.ts";

/** Where a pattern stands, and how one of a set of characters is written there; null where none can be. */
export interface Writing {
  readonly place: string;
  readonly char: (set: CharSet) => Expression | null;
}

/** A grammar with more copies of a part than this takes seconds to compile. */
export const MOST_TIMES = 4096;
const LINE_ENDS = charsOf("\n\r\u2028\u2029");
const DIGITS = charsOf("0123456789");
const WORD = union([range(0x30, 0x39), range(0x41, 0x5a), range(0x61, 0x7a), range(0x5f)]);
const SPACE = charsOf(
  "\t\v\f\r\n \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff",
);

/**
 * What a JavaScript regular expression (with the flag u) matches. `whole`: all of a text; else any text with a match in it,
 * unless ^ and $ say where the match has to be.
 */
export function regexGrammar(source: string, whole: boolean, writing: Writing): Expression {
  const pattern = parse(source, writing.place);
  checkRepeats(pattern, writing.place);
  const anything = whole
    ? EMPTY
    : repeat(writing.char(EVERY) ?? EMPTY, 0, Number.POSITIVE_INFINITY);
  const options = pattern.alternatives.flatMap(({ elements }) => {
    const [first, last] = [elements[0], elements.at(-1)];
    const starts = isEdge(first, "start");
    const ends = isEdge(last, "end");
    const inner = elements.slice(starts ? 1 : 0, ends ? -1 : undefined);
    const matched = sequenceOf(inner, writing);
    if (matched === null) return [];
    return [sequence(starts ? EMPTY : anything, matched, ends ? EMPTY : anything)];
  });
  return choice(options) ?? refuse(writing.place, "matches nothing that can be written here.");
}

function parse(source: string, place: string): AST.Pattern {
  try {
    return new RegExpParser().parsePattern(source, 0, source.length, { unicode: true });
  } catch (error) {
    const why = messageOf(error);
    return refuse(place, `is no regular expression: ${why}.`);
  }
}

function isEdge(element: AST.Element | undefined, kind: "start" | "end"): boolean {
  return element?.type === "Assertion" && element.kind === kind;
}

function sequenceOf(elements: readonly AST.Element[], writing: Writing): Expression | null {
  const parts = elements.map((element) => elementOf(element, writing));
  return parts.every((part) => part !== null) ? sequence(...parts) : null;
}

function elementOf(element: AST.Element, writing: Writing): Expression | null {
  switch (element.type) {
    case "Character":
    case "CharacterSet":
    case "CharacterClass":
      return writing.char(setOf(element));
    case "Group":
    case "CapturingGroup":
      return choice(
        element.alternatives.flatMap(({ elements }) => sequenceOf(elements, writing) ?? []),
      );
    case "Quantifier":
      return quantified(element, writing);
    case "Assertion":
    case "Backreference":
    case "ExpressionCharacterClass":
      return refuse(
        writing.place,
        `has ${element.raw} in it, which cannot be held to while the model writes; leave it out (^ and $ are taken at the ends).`,
      );
  }
}

function quantified(
  { min, max, element, raw }: AST.Quantifier,
  writing: Writing,
): Expression | null {
  if (min > MOST_TIMES || (max !== Number.POSITIVE_INFINITY && max > MOST_TIMES)) {
    refuse(
      writing.place,
      `has ${raw} in it, which repeats too often; ${MOST_TIMES} times are the most.`,
    );
  }
  const part = elementOf(element, writing);
  return part === null ? (min === 0 ? EMPTY : null) : repeat(part, min, max);
}

function setOf(
  element: AST.Character | AST.CharacterSet | AST.CharacterClass | AST.CharacterClassRange,
): CharSet {
  switch (element.type) {
    case "Character":
      return range(element.value);
    case "CharacterClassRange":
      return range(element.min.value, element.max.value);
    case "CharacterClass": {
      const inside = union(element.elements.map(setOfMember));
      return intersection(element.negate ? complement(inside) : inside, EVERY);
    }
    case "CharacterSet":
      return intersection(escapeSet(element), EVERY);
  }
}

function setOfMember(element: AST.CharacterClassElement): CharSet {
  switch (element.type) {
    case "Character":
    case "CharacterClassRange":
    case "CharacterSet":
      return setOf(element);
    case "CharacterClass":
    case "ExpressionCharacterClass":
    case "ClassStringDisjunction":
      // Only with the flag v, which is not set.
      return [];
  }
}

function escapeSet(element: AST.CharacterSet): CharSet {
  switch (element.kind) {
    case "any":
      return complement(LINE_ENDS);
    case "digit":
      return element.negate ? complement(DIGITS) : DIGITS;
    case "word":
      return element.negate ? complement(WORD) : WORD;
    case "space":
      return element.negate ? complement(SPACE) : SPACE;
    case "property":
      return setOfProperty(element.raw);
  }
}

/** The characters with a property of Unicode, which the browser's own tables know. */
function setOfProperty(property: string): CharSet {
  const matches = new RegExp(`^${property}$`, "u");
  const found: [number, number][] = [];
  for (let codePoint = 0; codePoint <= LAST; codePoint += 1) {
    if (!matches.test(String.fromCodePoint(codePoint))) continue;
    const last = found.at(-1);
    if (last && last[1] === codePoint - 1) last[1] = codePoint;
    else found.push([codePoint, codePoint]);
  }
  return found;
}
