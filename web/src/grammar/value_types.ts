import { member } from "./member.ts";
import { dereferenced } from "./pointer.ts";

/** A schema that is one of its own choices has to end somewhere. */
const MOST_LEVELS = 4;

/** JSON Schema's types of the values that a schema is true of; none where it does not say. */
export function typesOf(given: unknown, root: unknown, depth = 0): ReadonlySet<string> {
  const schema = depth < MOST_LEVELS ? dereferenced(given, root) : given;
  const values = member(schema, "enum");
  if (Array.isArray(values)) return new Set(values.map(typeOf));
  if (hasMember(schema, "const")) return new Set([typeOf(member(schema, "const"))]);
  const type = member(schema, "type");
  if (typeof type === "string") return new Set([type]);
  if (Array.isArray(type)) return new Set(type.filter((each) => typeof each === "string"));
  const options = ["anyOf", "oneOf", "allOf"].flatMap((name) => {
    const list = member(schema, name);
    return Array.isArray(list) ? list : [];
  });
  return new Set(options.flatMap((option) => Array.from(typesOf(option, root, depth + 1))));
}

function hasMember(value: unknown, name: string): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name);
}

/** JSON Schema's type of a value, but that whole numbers are numbers. */
export function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value;
}
