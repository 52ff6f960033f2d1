import { EMPTY, type Expression, literal, optional, repeat, sequence } from "./ebnf.ts";
import type { SchemaGrammar } from "./json_schema.ts";
import { refuse } from "./refuse.ts";
import { asCount, asList, type Schema } from "./schema_parts.ts";

/** A JSON array. The first items are always written, where they have schemas of their own; others only if `items` is there. */
export function arrayGrammar(grammar: SchemaGrammar, members: Schema, place: string): Expression {
  const first = asList(members.prefixItems ?? [], `${place}.prefixItems`).map((schema, i) =>
    grammar.inside(schema, `${place}.prefixItems[${i}]`),
  );
  const wanted = asCount(members, "minItems", place) ?? 0;
  const limit = asCount(members, "maxItems", place) ?? Number.POSITIVE_INFINITY;
  const closed = members.items === false || (first.length > 0 && members.items === undefined);
  const most = closed && wanted <= first.length ? Math.min(limit, first.length) : limit;
  if (most < Math.max(wanted, first.length)) {
    refuse(
      `${place}.maxItems`,
      `is ${limit}, and the array needs ${Math.max(wanted, first.length)}.`,
    );
  }
  if (members.items === false && wanted > first.length) {
    refuse(`${place}.minItems`, `is ${wanted}, and items allows no more than ${first.length}.`);
  }
  const body = itemsGrammar(grammar, first, wanted, most, () =>
    grammar.rules.add("item", grammar.inside(members.items ?? true, `${place}.items`)),
  );
  const { blank } = grammar;
  return grammar.rules.add("array", sequence(literal("["), blank, body, literal("]")));
}

function itemsGrammar(
  { blank }: SchemaGrammar,
  first: readonly Expression[],
  wanted: number,
  most: number,
  makeItem: () => Expression,
): Expression {
  const comma = sequence(literal(","), blank);
  const fixed = first.flatMap((item, i) => (i === 0 ? [item] : [comma, item]));
  if (most === first.length) return first.length === 0 ? EMPTY : sequence(...fixed, blank);
  const item = makeItem();
  if (first.length > 0) {
    const more = repeat(
      sequence(comma, item),
      Math.max(0, wanted - first.length),
      most - first.length,
    );
    return sequence(...fixed, more, blank);
  }
  const some = sequence(
    item,
    repeat(sequence(comma, item), Math.max(0, wanted - 1), most - 1),
    blank,
  );
  return wanted === 0 ? optional(some) : some;
}
