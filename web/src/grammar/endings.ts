import { follow } from "./pointer.ts";
import { refuse } from "./refuse.ts";

/** Refuses a schema of which a part needs itself again and again, so that no text that it is true of ever ends. */
export function checkEndings(root: unknown, place: string): void {
  const refs = new Map(refsIn(root, place).map(({ ref, at }) => [ref, at]));
  const ending = new Set<string>();
  for (let before = -1; before < ending.size; ) {
    before = ending.size;
    for (const [ref, at] of refs) {
      if (ends(follow(root, ref, at).value, ending)) ending.add(ref);
    }
  }
  for (const [ref, at] of refs) {
    if (!ending.has(ref))
      refuse(at, `is ${JSON.stringify(ref)}, which needs itself without an end.`);
  }
}

interface Reference {
  readonly ref: string;
  readonly at: string;
}

function refsIn(value: unknown, place: string): Reference[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, member]) => {
    const at = Array.isArray(value) ? `${place}[${name}]` : `${place}.${name}`;
    return name === "$ref" && typeof member === "string"
      ? [{ ref: member, at }]
      : refsIn(member, at);
  });
}

/** Whether some text ends that a schema is true of, when those are known to end that it refers to. */
function ends(schema: unknown, ending: ReadonlySet<string>): boolean {
  if (typeof schema !== "object" || schema === null) return true;
  const members: Readonly<Record<string, unknown>> = { ...schema };
  if (typeof members.$ref === "string") return ending.has(members.$ref);
  const list = (name: string): readonly unknown[] => {
    const value = members[name];
    return Array.isArray(value) ? value : [];
  };
  const all = (parts: readonly unknown[]): boolean => parts.every((part) => ends(part, ending));
  const options = [...list("anyOf"), ...list("oneOf")];
  if (options.length > 0) return options.some((option) => ends(option, ending));
  if (!all(list("allOf"))) return false;
  const { type, properties } = members;
  const scalar = (name: unknown): boolean => name !== "object" && name !== "array";
  if (Array.isArray(type) ? type.some(scalar) : type !== undefined && scalar(type)) return true;
  const needed = Object.entries(typeof properties === "object" ? { ...properties } : {})
    .filter(([name]) => list("required").includes(name))
    .map(([, part]) => part);
  const more = Number(members.minItems ?? 0) > list("prefixItems").length ? [members.items] : [];
  return all([...needed, ...list("prefixItems"), ...more]);
}
