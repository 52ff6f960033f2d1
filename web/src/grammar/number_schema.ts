import type { Expression } from "./ebnf.ts";
import {
  type Bound,
  FRACTION_DIGITS,
  integersBetween,
  isWritable,
  MOST,
  numbersBetween,
  WHOLE_DIGITS,
} from "./numbers.ts";
import { refuse } from "./refuse.ts";
import { type Schema, shown } from "./schema_parts.ts";

/** The numbers between a schema's limits; null where it has none. */
export function numberGrammar(
  members: Schema,
  type: "integer" | "number",
  place: string,
): Expression | null {
  const tighter = (keyword: string, exclusive: string, isLow: boolean): Bound | null => {
    const [closed, open] = [keyword, exclusive].map((name) => limit(members, name, isLow, place));
    if (open === undefined) return closed === undefined ? null : { value: closed, open: false };
    if (closed !== undefined && (isLow ? closed > open : closed < open)) {
      return { value: closed, open: false };
    }
    return { value: open, open: true };
  };
  const low = tighter("minimum", "exclusiveMinimum", true);
  const high = tighter("maximum", "exclusiveMaximum", false);
  if (low === null && high === null) return null;
  const between = type === "integer" ? integersBetween(low, high) : numbersBetween(low, high);
  return between ?? refuse(place, `has limits that no ${type} keeps to.`);
}

function limit(
  members: Schema,
  keyword: string,
  isLow: boolean,
  place: string,
): number | undefined {
  const value = members[keyword];
  if (value === undefined) return undefined;
  if (typeof value !== "number") {
    return refuse(`${place}.${keyword}`, `is ${shown(value)}; give a number.`);
  }
  // Generators write the largest whole number of a double, or a float's, where they have no limit to tell.
  const widest = (isLow ? -1 : 1) * MOST;
  if (isLow ? value < widest : value > widest) return widest;
  if (isWritable(value)) return value;
  return refuse(
    `${place}.${keyword}`,
    `is ${value}; limits are held to with up to ${WHOLE_DIGITS} digits before the point and ${FRACTION_DIGITS} behind it.`,
  );
}
