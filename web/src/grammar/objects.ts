import { charsOf, without } from "./char_set.ts";
import {
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
import type { SchemaGrammar } from "./json_schema.ts";
import { PLAIN, QUOTE } from "./json_text.ts";
import { refuse } from "./refuse.ts";
import { asList, asSchema, type Schema, shown } from "./schema_parts.ts";

interface Member {
  readonly text: Expression;
  readonly required: boolean;
}

/**
 * A JSON object: its properties in the order of the schema, then others. Where the schema lists properties and does not
 * speak of others, there are none: so it is true of the object whatever it would have said.
 */
export function objectGrammar(grammar: SchemaGrammar, members: Schema, place: string): Expression {
  const { rules, blank } = grammar;
  const properties = Object.entries(asSchema(members.properties ?? {}, `${place}.properties`));
  const required = requiredNames(members, properties, place);
  const listed = properties.map(([name, schema]): Member => {
    const value = grammar.inside(schema, `${place}.properties.${name}`);
    const text = sequence(literal(`${JSON.stringify(name)}:`), blank, value);
    return { text: rules.add("member", text), required: required.has(name) };
  });
  const others = members.additionalProperties ?? properties.length === 0;
  const more = others === false ? null : otherMember(grammar, properties, others, place);
  const body = membersGrammar(grammar, listed, more);
  return rules.add("object", sequence(literal("{"), blank, body, literal("}")));
}

function requiredNames(
  members: Schema,
  properties: readonly (readonly [string, unknown])[],
  place: string,
): ReadonlySet<string> {
  const names = asList(members.required ?? [], `${place}.required`).map((name) => {
    if (typeof name === "string" && properties.some(([each]) => each === name)) return name;
    return refuse(`${place}.required`, `names ${shown(name)}, which is not among the properties.`);
  });
  return new Set(names);
}

/** A member whose name is none of those listed: the last one of a name would count. */
function otherMember(
  grammar: SchemaGrammar,
  properties: readonly (readonly [string, unknown])[],
  schema: unknown,
  place: string,
): Expression {
  const name = notOneOf(
    grammar.rules,
    properties.map(([each]) => each),
  );
  const value = grammar.inside(schema, `${place}.additionalProperties`);
  const text = sequence(QUOTE, name, literal('":'), grammar.blank, value);
  return grammar.rules.add("other", text);
}

/** Members with commas in between: after each place there is a rule for what may follow when some were written. */
function membersGrammar(
  { rules, blank }: SchemaGrammar,
  listed: readonly Member[],
  more: Expression | null,
): Expression {
  const comma = sequence(literal(","), blank);
  const others = more === null ? EMPTY : repeat(sequence(comma, more), 0, Number.POSITIVE_INFINITY);
  let after = rules.add("after", sequence(others, blank));
  let fromHere: Expression =
    more === null ? EMPTY : optional(sequence(more, rules.add("others", others), blank));
  for (const { text, required } of listed.toReversed()) {
    const here = sequence(text, after);
    fromHere = required ? here : either([here, fromHere]);
    fromHere = rules.add("from", fromHere);
    const further = sequence(comma, text, after);
    after = rules.add("after", required ? further : either([further, after]));
  }
  return fromHere;
}

/** Any text of plain characters that is none of these, character by character along what they have in common. */
function notOneOf(rules: Rules, names: readonly string[]): Expression {
  const anything = repeat(oneOf(PLAIN), 0, Number.POSITIVE_INFINITY);
  if (names.length === 0) return anything;
  const byFirst = new Map<string, string[]>();
  for (const name of names) {
    const [first] = name;
    if (first !== undefined) byFirst.set(first, [...(byFirst.get(first) ?? []), name]);
  }
  const options = Array.from(byFirst, ([first, same]) =>
    sequence(
      literal(first),
      notOneOf(
        rules,
        same.map((name) => name.slice(first.length)),
      ),
    ),
  );
  const unlike = without(PLAIN, charsOf(Array.from(byFirst.keys()).join("")));
  options.push(sequence(oneOf(unlike), anything));
  if (!names.includes("")) options.push(EMPTY);
  return rules.add("unlike", either(options));
}
