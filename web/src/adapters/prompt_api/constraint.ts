import type { ChatParams } from "../../api/types.ts";
import { unicodeSource } from "./pattern.ts";
import type { PromptOptions } from "./types.ts";

/** A constraint of the Prompt API as the engine's `response_format`. */
export function constraintOf({
  responseConstraint: constraint,
  omitResponseConstraintInput,
}: PromptOptions): ChatParams["response_format"] {
  if (constraint === undefined) {
    if (!omitResponseConstraintInput) return undefined;
    throw new TypeError("omitResponseConstraintInput needs a responseConstraint; give one.");
  }
  if (typeof constraint !== "object" || constraint === null) {
    throw new TypeError("A responseConstraint is a JSON Schema or a regular expression.");
  }
  if (constraint instanceof RegExp) return { type: "regex", regex: unicodeSource(constraint) };
  return {
    type: "json_schema",
    json_schema: { name: "answer", schema: { ...constraint }, strict: true },
  };
}
