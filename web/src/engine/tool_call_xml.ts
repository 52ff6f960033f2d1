import { member } from "../grammar/member.ts";
import { dereferenced } from "../grammar/pointer.ts";
import { typesOf } from "../grammar/value_types.ts";
import { behindCall } from "./behind_call.ts";
import type { CallReader, CallSpeaker, CallStep } from "./tool_calls.ts";

const FUNCTION_END = "</function>";
const PARAMETER_END = "</parameter>";
const FUNCTION_TAG = "<function=";
const FUNCTION = /^\s*<function=([^>\n]+)>/;
const PARAMETER = /^<parameter=([^>\n]+)>\n?/;

/** JSON Schema's types that a parameter may have; none where its schema does not say. */
export type ParameterTypes = ReadonlyMap<string, ReadonlySet<string>>;
/** The functions on offer, by name. */
export type FunctionSchemas = ReadonlyMap<string, ParameterTypes>;

/**
 * A call as Qwen 3.5 writes it: <function=name>, then <parameter=name> with its value on lines of its own. A value is a
 * string unless the schema has another type for it that the value can be read as.
 */
export function xmlCall(say: CallSpeaker, schemas: FunctionSchemas): CallReader {
  let place: "head" | "parameters" | "value" | "tail" = "head";
  let unread = "";
  let name = "";
  let count = 0;
  /** The types of the parameter whose value is being read. */
  let types: ReadonlySet<string> = new Set();

  const noCall = (): CallStep => ({ whole: false, rest: unread });
  const readHead = (): CallStep => {
    const head = FUNCTION.exec(unread);
    if (!head) {
      const begun = unread.trimStart();
      const isOpen = FUNCTION_TAG.startsWith(begun) || /^<function=[^>\n]*$/.test(begun);
      return isOpen ? null : noCall();
    }
    name = head[1] ?? "";
    if (!say.name(name)) return noCall();
    unread = unread.slice(head[0].length);
    place = "parameters";
    return readParameters();
  };
  const readParameters = (): CallStep => {
    unread = unread.trimStart();
    if (unread.startsWith(FUNCTION_END)) {
      say.arguments(count === 0 ? "{}" : "}");
      unread = unread.slice(FUNCTION_END.length);
      place = "tail";
      return behindCall(unread);
    }
    const parameter = PARAMETER.exec(unread);
    // A newline right behind the tag is part of it: wait to see whether there is one.
    if (parameter && parameter[0].length < unread.length) {
      const key = parameter[1] ?? "";
      types = schemas.get(name)?.get(key) ?? new Set();
      say.arguments(`${count === 0 ? "{" : ", "}${JSON.stringify(key)}: ${isText() ? '"' : ""}`);
      count += 1;
      unread = unread.slice(parameter[0].length);
      place = "value";
      return readValue();
    }
    const begun = unread.startsWith("<parameter=") && !unread.includes("\n", 1);
    const open =
      parameter !== null ||
      begun ||
      [FUNCTION_END, "<parameter="].some((tag) => tag.startsWith(unread));
    return open ? null : noCall();
  };
  const readValue = (): CallStep => {
    const at = unread.indexOf(PARAMETER_END);
    if (at < 0) {
      if (isText()) giveText(sureLength(unread));
      return null;
    }
    const end = unread[at - 1] === "\n" ? at - 1 : at;
    if (isText()) {
      giveText(end);
      say.arguments('"');
      unread = unread.slice(at - end + PARAMETER_END.length);
    } else {
      say.arguments(jsonOf(unread.slice(0, end), types));
      unread = unread.slice(at + PARAMETER_END.length);
    }
    place = "parameters";
    return readParameters();
  };
  const giveText = (length: number): void => {
    say.arguments(JSON.stringify(unread.slice(0, length)).slice(1, -1));
    unread = unread.slice(length);
  };
  /** Whether the value can be nothing but a string, which is then given out as it comes. */
  const isText = (): boolean => types.size === 0 || (types.size === 1 && types.has("string"));
  const push = (text: string): CallStep => {
    unread += text;
    switch (place) {
      case "head":
        return readHead();
      case "parameters":
        return readParameters();
      case "value":
        return readValue();
      case "tail":
        return behindCall(unread);
    }
  };
  return { push, end: () => place === "tail" };
}

/** The functions in a request's tools, in OpenAI's form. */
export function functionSchemas(tools: readonly unknown[]): FunctionSchemas {
  const schemas = new Map<string, ParameterTypes>();
  for (const tool of tools) {
    const called = member(tool, "function");
    const name = member(called, "name");
    const parameters = member(called, "parameters");
    const properties = member(dereferenced(parameters, parameters), "properties");
    const entries =
      typeof properties === "object" && properties !== null ? Object.entries(properties) : [];
    if (typeof name !== "string") continue;
    schemas.set(name, new Map(entries.map(([key, schema]) => [key, typesOf(schema, parameters)])));
  }
  return schemas;
}

/** A value as JSON: as one of the types where it can be read so, otherwise as the string it was. */
function jsonOf(text: string, types: ReadonlySet<string>): string {
  try {
    const value: unknown = JSON.parse(text);
    if (typesOfValue(value).some((type) => type !== "string" && types.has(type)))
      return text.trim();
  } catch {
    // Not JSON: a string, said below.
  }
  return JSON.stringify(text);
}

function typesOfValue(value: unknown): string[] {
  if (value === null) return ["null"];
  if (Array.isArray(value)) return ["array"];
  if (typeof value === "number")
    return Number.isInteger(value) ? ["number", "integer"] : ["number"];
  return [typeof value];
}

/** Length of the text that can be no part of "a newline, then the closing tag". */
function sureLength(text: string): number {
  const end = `\n${PARAMETER_END}`;
  for (let n = Math.min(end.length, text.length); n > 0; n -= 1) {
    const tail = text.slice(text.length - n);
    if (end.startsWith(tail) || PARAMETER_END.startsWith(tail)) return text.length - n;
  }
  return text.length;
}
