import { type CharSet, complement, EVERY, intersection, LAST, range, without } from "./char_set.ts";
import { byteRanges } from "./utf8.ts";

/** An expression of XGrammar's EBNF, as text. */
export type Expression = string;

export const EMPTY: Expression = '""';

/** Exactly this text. */
export function literal(text: string): Expression {
  return `"${Array.from(text, (character) => escaped(character.codePointAt(0) ?? 0)).join("")}"`;
}

const ASCII = range(0, 0x7f);
const BEYOND = without(EVERY, ASCII);

/**
 * One character of a set, which is not empty. XGrammar's classes are of bytes, but for those that exclude some of ASCII: these
 * take all characters beyond it. Any other set beyond ASCII is a rule, whose name says what is in it.
 */
export function oneOf(set: CharSet): Expression {
  const [only, ...more] = set;
  if (only && more.length === 0 && only[0] === only[1])
    return literal(String.fromCodePoint(only[0]));
  const isAscii = without(set, ASCII).length === 0;
  if (isAscii) return `[${ranges(set)}]`;
  const excluded = intersection(ASCII, complement(set));
  if (excluded.length > 0 && without(BEYOND, set).length === 0) return `[^${ranges(excluded)}]`;
  return `chars_${set.map((pair) => pair.map((each) => each.toString(16)).join("_")).join("_")}`;
}

/** The rule that a name of `oneOf` stands for. */
function charsRule(name: string): string {
  const ends = name
    .split("_")
    .slice(1)
    .map((digits) => Number.parseInt(digits, 16));
  const set = ends.flatMap((least, i): CharSet => (i % 2 ? [] : range(least, ends[i + 1] ?? LAST)));
  const options = byteRanges(set).map((bytes) => bytes.map(byteClass).join(" "));
  // A rule with a choice stays a rule; what it would become a part of may take bytes beyond ASCII for nothing.
  const [only] = options;
  const choices = options.length === 1 && only !== undefined ? [only, only] : options;
  return `${name} ::= ${choices.join(" | ")}`;
}

/** A class of a single range with a single number in it would be taken for a character. */
function byteClass([least, most]: readonly [number, number]): Expression {
  const [first, last] = [least, most].map((each) => `\\x${each.toString(16).padStart(2, "0")}`);
  return least === most ? `[${first}${first}]` : `[${first}-${last}]`;
}

function ranges(set: CharSet): string {
  const parts = set.map(([least, most]) =>
    least === most ? escaped(least) : `${escaped(least)}-${escaped(most)}`,
  );
  return parts.join("");
}

/** One after the other. */
export function sequence(...parts: readonly Expression[]): Expression {
  const some = parts.filter((part) => part !== EMPTY);
  return some.length === 0 ? EMPTY : some.join(" ");
}

/** Any one of them; of none there is nothing to choose, which is null. */
export function choice(options: readonly Expression[]): Expression | null {
  const different = Array.from(new Set(options));
  const [only] = different;
  if (only === undefined) return null;
  return different.length === 1 ? only : `(${different.map((each) => `(${each})`).join(" | ")})`;
}

/** The same where there is at least one. */
export function either(options: readonly Expression[]): Expression {
  return choice(options) ?? EMPTY;
}

export function optional(part: Expression): Expression {
  return part === EMPTY ? EMPTY : `(${part})?`;
}

/** The same again and again: from `least` to `most` times. */
export function repeat(part: Expression, least: number, most: number): Expression {
  if (most === 0 || part === EMPTY) return EMPTY;
  if (least === 1 && most === 1) return part;
  if (least === 0 && most === 1) return optional(part);
  if (most !== Number.POSITIVE_INFINITY) return `(${part}){${least},${most}}`;
  if (least <= 1) return `(${part})${least === 0 ? "*" : "+"}`;
  return `(${part}){${least},}`;
}

/** The rules of a grammar; a rule can be named before it is written, so that it can hold itself. */
export class Rules {
  readonly #bodies: { readonly name: string; body: Expression | null }[] = [];

  get count(): number {
    return this.#bodies.length;
  }

  /** A name that can stand in expressions from now on; the hint is for readers. */
  reserve(hint: string): string {
    const name = `${hint.replaceAll(/[^A-Za-z_]/g, "")}_${this.#bodies.length}`;
    this.#bodies.push({ name, body: null });
    return name;
  }

  write(name: string, body: Expression): void {
    const rule = this.#bodies.find((each) => each.name === name);
    if (rule) rule.body = body;
  }

  add(hint: string, body: Expression): string {
    const name = this.reserve(hint);
    this.write(name, body);
    return name;
  }

  /** The whole grammar, which begins with this expression. */
  text(root: Expression): string {
    const lines = this.#bodies.map(({ name, body }) => `${name} ::= ${body ?? EMPTY}`);
    const written = [`root ::= ${root}`, ...lines].join("\n");
    const sets = new Set(written.match(/\bchars_[0-9a-f_]+\b/g));
    return [written, ...Array.from(sets, charsRule)].join("\n");
  }
}

function escaped(codePoint: number): string {
  const character = String.fromCodePoint(codePoint);
  return /[A-Za-z0-9 ]/.test(character)
    ? character
    : `\\U${codePoint.toString(16).padStart(8, "0")}`;
}
