import { member } from "./member.ts";
import { refuse } from "./refuse.ts";

/** A part of a schema that a `$ref` names, and the names on the way to it. */
export interface Target {
  readonly value: unknown;
  readonly pointer: string;
}

/** Schemas that refer to each other in a circle have to end somewhere. */
const MOST_STEPS = 8;

/** What `#/…` points at in the whole schema. */
export function follow(root: unknown, ref: unknown, place: string): Target {
  if (typeof ref !== "string" || !/^#(\/|$)/.test(ref)) {
    return refuse(
      place,
      `is ${JSON.stringify(ref)}; only parts of the same schema can be referred to, as "#/$defs/name".`,
    );
  }
  const value = target(root, ref);
  if (value === undefined) refuse(place, `is ${JSON.stringify(ref)}, and there is nothing there.`);
  return { value, pointer: ref };
}

/** What `#/…` points at (RFC 6901, as a URI's fragment); undefined for nothing. */
export function target(root: unknown, ref: string): unknown {
  return ref
    .split("/")
    .slice(1)
    .reduce((value, step) => member(value, nameOf(step)), root);
}

/** What a schema stands for, when it is a `$ref`: what that leads to, by some more of them if need be. */
export function dereferenced(schema: unknown, root: unknown): unknown {
  let found = schema;
  for (let steps = 0; steps < MOST_STEPS; steps += 1) {
    const ref = member(found, "$ref");
    if (typeof ref !== "string") break;
    found = target(root, ref);
  }
  return found;
}

function nameOf(step: string): string {
  try {
    return decodeURIComponent(step).replaceAll("~1", "/").replaceAll("~0", "~");
  } catch {
    return step; // Not percent-encoded right: a name that stands nowhere.
  }
}
