import { refuse } from "./refuse.ts";
import { member } from "./value_types.ts";

/** A part of a schema that a `$ref` names, and the names on the way to it. */
export interface Target {
  readonly value: unknown;
  readonly pointer: string;
}

/** What `#/…` points at in the whole schema. */
export function follow(root: unknown, ref: unknown, place: string): Target {
  if (typeof ref !== "string" || !/^#(\/|$)/.test(ref)) {
    return refuse(
      place,
      `is ${JSON.stringify(ref)}; only parts of the same schema can be referred to, as "#/$defs/name".`,
    );
  }
  let value = root;
  for (const step of ref.split("/").slice(1)) {
    const name = decoded(step, place).replaceAll("~1", "/").replaceAll("~0", "~");
    value = member(value, name);
    if (value === undefined)
      refuse(place, `is ${JSON.stringify(ref)}, and there is nothing there.`);
  }
  return { value, pointer: ref };
}

function decoded(step: string, place: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return refuse(place, `has ${JSON.stringify(step)} in it, which is not percent-encoded right.`);
  }
}
