import { type CharSet, charsOf, EVERY, range, without } from "./char_set.ts";
import {
  choice,
  EMPTY,
  type Expression,
  either,
  literal,
  oneOf,
  optional,
  type Rules,
  repeat,
  sequence,
} from "./ebnf.ts";
import { SchemaGrammar } from "./json_schema.ts";
import { follow } from "./pointer.ts";
import { refuse } from "./refuse.ts";
import { asList, asSchema, checkKeywords, only, type Schema } from "./schema_parts.ts";
import { HELD } from "./schema_words.ts";
import { lengthsOf, patternOf } from "./strings.ts";
import { typesOf } from "./value_types.ts";

/** What ends a value, behind a newline that is not the value's. */
const END = "</parameter>";
const NAME = /^[^>\n]+$/;
/** What a text of a known length or pattern is made of; with no "<" it cannot hold the tag that ends it. */
const CHARS = without(without(EVERY, charsOf("<")), range(0));

/** The arguments of a call in Qwen 3.5's form, in the order of the schema: strings as they are, all else as JSON. */
export function xmlArguments(rules: Rules, schema: Schema, place: string): Expression {
  const grammar = new SchemaGrammar(rules, schema, place);
  grammar.check();
  only(schema, ["type", ...HELD.object], place);
  checkKeywords(schema, place);
  const properties = asSchema(schema.properties ?? {}, `${place}.properties`);
  const required = asList(schema.required ?? [], `${place}.required`);
  const strange = required.find((name) => !Object.hasOwn(properties, String(name)));
  if (strange !== undefined) {
    refuse(
      `${place}.required`,
      `names ${JSON.stringify(strange)}, which is not among the properties.`,
    );
  }
  if (schema.additionalProperties !== undefined && schema.additionalProperties !== false) {
    refuse(
      `${place}.additionalProperties`,
      "can only be false where arguments are held to a schema.",
    );
  }
  const values = new Values(rules, grammar, schema);
  const parameters = Object.entries(properties).map(([name, value]) => {
    const at = `${place}.properties.${name}`;
    if (!NAME.test(name))
      refuse(at, 'has a name with ">" or a newline in it; give it another one.');
    const whole = parameter(literal(name), values.of(value, at));
    return required.includes(name) ? whole : optional(whole);
  });
  return sequence(...parameters);
}

/** Any values, as text, of the parameters of these names; of any where there are none. */
export function xmlLooseArguments(rules: Rules, names: readonly string[]): Expression {
  const known = names.filter((name) => NAME.test(name)).map(literal);
  const name = choice(known) ?? repeat(oneOf(without(EVERY, charsOf(">\n"))), 1, 64);
  return repeat(parameter(name, textWithout(rules, END)), 0, Number.POSITIVE_INFINITY);
}

function parameter(name: Expression, value: Expression): Expression {
  return sequence(literal("<parameter="), name, literal(">\n"), value, literal(`\n${END}\n`));
}

/** Values of parameters. */
class Values {
  readonly #rules: Rules;
  readonly #grammar: SchemaGrammar;
  readonly #root: Schema;
  #text: string | null = null;

  constructor(rules: Rules, grammar: SchemaGrammar, root: Schema) {
    this.#rules = rules;
    this.#grammar = grammar;
    this.#root = root;
  }

  /** Whoever reads the call takes a value for a string where its types say so, and for JSON where they can be that. */
  of(schema: unknown, place: string): Expression {
    const types = typesOf(schema, this.#root);
    if (types.size > 0 && !types.has("string")) return this.#grammar.inside(schema, place);
    if (Array.from(types).every((type) => type === "string" || type === "null")) {
      return this.#asText(schema, place);
    }
    return refuse(
      place,
      "may be a string or something else, which this form of calls cannot tell apart; give it one type.",
    );
  }

  #asText(schema: unknown, place: string): Expression {
    if (schema === true) return this.#anyText();
    const members = asSchema(schema, place);
    checkKeywords(members, place);
    if ("$ref" in members) {
      only(members, ["$ref"], place);
      return this.#asText(follow(this.#root, members.$ref, `${place}.$ref`).value, place);
    }
    for (const keyword of ["anyOf", "oneOf"]) {
      if (!(keyword in members)) continue;
      only(members, [keyword], place);
      const options = asList(members[keyword], `${place}.${keyword}`);
      return either(options.map((each, i) => this.#asText(each, `${place}.${keyword}[${i}]`)));
    }
    if ("const" in members) return this.#values(members, "const", [members.const], place);
    if ("enum" in members) {
      return this.#values(members, "enum", asList(members.enum, `${place}.enum`), place);
    }
    if (members.type === "null") return literal("null");
    only(members, ["type", ...HELD.string], place);
    const text = this.#freeText(members, place);
    return Array.isArray(members.type) && members.type.includes("null")
      ? either([text, literal("null")])
      : text;
  }

  #values(members: Schema, keyword: string, values: readonly unknown[], place: string): Expression {
    only(members, [keyword, "type"], place);
    const texts = values.map((value) =>
      typeof value === "string" ? value : JSON.stringify(value),
    );
    if (texts.some((text) => `${text}\n`.includes(END))) {
      refuse(`${place}.${keyword}`, `has ${END} in a value, which would end it; leave it out.`);
    }
    return either(texts.map(literal));
  }

  #freeText(members: Schema, place: string): Expression {
    const char = (set: CharSet): Expression | null => {
      const some = without(set, without(EVERY, CHARS));
      return some.length > 0 ? oneOf(some) : null;
    };
    const pattern = patternOf(members, place, char);
    if (pattern !== null) return pattern;
    const { least, most } = lengthsOf(members, place);
    if (least === 0 && most === Number.POSITIVE_INFINITY) return this.#anyText();
    return repeat(oneOf(CHARS), least, most);
  }

  #anyText(): Expression {
    this.#text ??= textWithout(this.#rules, END);
    return this.#text;
  }
}

/** Any text that does not hold another one, whose first character comes in it only once: a rule for each part of it. */
function textWithout(rules: Rules, end: string): Expression {
  const names = Array.from(end, () => rules.reserve("text"));
  const [start = EMPTY, begun = EMPTY] = names;
  const first = end.charAt(0);
  for (const [i, name] of names.entries()) {
    const next = end.charAt(i);
    const further = names[i + 1];
    const others = without(CHARS, charsOf(next));
    rules.write(
      name,
      either([
        EMPTY,
        ...(further === undefined ? [] : [sequence(literal(next), further)]),
        ...(next === first ? [] : [sequence(literal(first), begun)]),
        sequence(oneOf(others), start),
      ]),
    );
  }
  return start;
}
