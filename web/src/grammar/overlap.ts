import { follow } from "./pointer.ts";
import { typeOf } from "./value_types.ts";

/** References in references are followed so far; behind that, schemas are taken to overlap. */
const DEEPEST = 8;

/** Two schemas of a `oneOf` that may both be true of a value; null where none are. */
export function overlapOf(parts: readonly unknown[], root: unknown, place: string): string | null {
  for (const [i, a] of parts.entries()) {
    for (const [j, b] of parts.entries()) {
      if (i < j && !areApart(a, b, root, place, 0)) return `the schemas ${i} and ${j}`;
    }
  }
  return null;
}

/** Whether it is plain that no value is what both schemas want: by its type, its value, or a member's. */
function areApart(a: unknown, b: unknown, root: unknown, place: string, depth: number): boolean {
  if (depth > DEEPEST) return false;
  const [first, second] = [resolved(a, root, place), resolved(b, root, place)];
  const [values, others] = [valuesOf(first), valuesOf(second)];
  if (values && others) return !values.some((value) => others.includes(value));
  const [types, otherTypes] = [typesOf(first), typesOf(second)];
  if (types && otherTypes && !types.some((type) => otherTypes.includes(type))) return true;
  const objects = [types, otherTypes].every((each) => each?.length === 1 && each[0] === "object");
  return (
    objects &&
    requiredOf(first).some(
      (name) =>
        requiredOf(second).includes(name) &&
        areApart(propertyOf(first, name), propertyOf(second, name), root, place, depth + 1),
    )
  );
}

type Members = Readonly<Record<string, unknown>>;

function resolved(schema: unknown, root: unknown, place: string): Members {
  let current = schema;
  for (let turns = 0; turns < DEEPEST; turns += 1) {
    const members: Members = typeof current === "object" ? { ...current } : {};
    if (!("$ref" in members)) return members;
    current = follow(root, members.$ref, `${place}.$ref`).value;
  }
  return {};
}

/** The only values there are, as JSON. */
function valuesOf(schema: Members): readonly string[] | null {
  if ("const" in schema) return [JSON.stringify(schema.const)];
  return Array.isArray(schema.enum) ? schema.enum.map((value) => JSON.stringify(value)) : null;
}

function typesOf(schema: Members): readonly string[] | null {
  const values = valuesOf(schema);
  if (values) return values.map((value) => typeOf(JSON.parse(value)));
  const { type } = schema;
  const names: readonly unknown[] | null = Array.isArray(type) ? type : type ? [type] : null;
  return names?.map((name) => (name === "integer" ? "number" : String(name))) ?? null;
}

function requiredOf({ required }: Members): readonly string[] {
  return Array.isArray(required) ? required.map(String) : [];
}

function propertyOf({ properties }: Members, name: string): unknown {
  if (typeof properties !== "object" || properties === null) return undefined;
  return Object.entries(properties).find(([key]) => key === name)?.[1];
}
