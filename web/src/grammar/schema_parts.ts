import { refuse } from "./refuse.ts";
import { DESCRIBING, HELD, REFUSED, TYPES, type TypeName } from "./schema_words.ts";

export type Schema = Readonly<Record<string, unknown>>;

export function asSchema(value: unknown, place: string): Schema {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  return refuse(place, `is ${shown(value)}; give a schema, which is an object.`);
}

export function asList(value: unknown, place: string): readonly unknown[] {
  return Array.isArray(value) ? value : refuse(place, `is ${shown(value)}; give a list.`);
}

/** A whole number that is not negative, or nothing where the keyword is not there. */
export function asCount(members: Schema, keyword: string, place: string): number | undefined {
  const value = members[keyword];
  if (value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0)) {
    return value === undefined ? undefined : Number(value);
  }
  return refuse(`${place}.${keyword}`, `is ${shown(value)}; give a whole number from 0.`);
}

/** Schemas in schemas, two levels for each: people and generators stay far below it. */
const MOST_LEVELS = 200;

/** Refuses a value that is nested so deep that reading it would break. */
export function checkLevels(root: unknown, place: string): void {
  let level: unknown[] = [root];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MOST_LEVELS)
      refuse(place, `is nested over ${MOST_LEVELS} levels deep; flatten it.`);
    level = level.flatMap((value) =>
      typeof value === "object" && value !== null ? Object.values(value) : [],
    );
  }
}

/** Refuses keywords that nothing could hold to. */
export function checkKeywords(members: Schema, place: string): void {
  for (const [keyword, value] of Object.entries(members)) {
    if (REFUSED.has(keyword) && !saysNothing(keyword, value)) {
      refuse(`${place}.${keyword}`, "cannot be held to while the model writes; leave it out.");
    }
  }
}

/** Names of members are strings whatever a schema says; of the other keywords, false is as good as none. */
function saysNothing(keyword: string, value: unknown): boolean {
  if (keyword !== "propertyNames") return value === false;
  return value === true || JSON.stringify(value) === '{"type":"string"}';
}

/** Refuses keywords beside those that are read here. */
export function only(members: Schema, keywords: readonly string[], place: string): void {
  for (const keyword of Object.keys(members)) {
    if (keywords.includes(keyword) || DESCRIBING.has(keyword) || REFUSED.has(keyword)) continue;
    const beside = keywords.find((each) => each in members);
    refuse(
      `${place}.${keyword}`,
      beside === undefined
        ? "is no keyword that can be held to; leave it out."
        : `cannot be held to beside ${beside}; leave it out.`,
    );
  }
}

/** The types that a schema names, or that its keywords are about. */
export function typesOf(members: Schema, place: string): readonly TypeName[] {
  const { type } = members;
  if (type === undefined) {
    const about = (["object", "array", "string", "number"] as const).filter((each) =>
      HELD[each].some((keyword) => keyword in members),
    );
    if (about.length > 1) refuse(place, "has keywords of several types and no type; give it one.");
    return about;
  }
  const names = typeof type === "string" ? [type] : asList(type, `${place}.type`);
  if (names.length === 0) refuse(`${place}.type`, "is empty; name a type.");
  return names.map((name) => {
    const known = TYPES.find((each) => each === name);
    return known ?? refuse(`${place}.type`, `names ${shown(name)}, which is no type.`);
  });
}

export function isOf(value: unknown, type: TypeName): boolean {
  switch (type) {
    case "integer":
      return Number.isInteger(value);
    case "null":
      return value === null;
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && value !== null && !Array.isArray(value);
    case "boolean":
    case "number":
    case "string":
      return typeof value === type;
  }
}

export function shown(value: unknown): string {
  return (JSON.stringify(value) ?? "undefined").slice(0, 60);
}
