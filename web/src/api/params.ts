import { type ErrorCode, refusal } from "./error.ts";

/** OpenAI's own parameters, those of messages too, that nothing here can honour; others are not known at all. */
const OPENAI_ONLY: ReadonlySet<string> = new Set([
  ...["audio", "best_of", "echo", "function_call", "functions", "include_obfuscation", "metadata"],
  ...["modalities", "moderation", "name", "prediction", "prompt_cache_key"],
  ...["prompt_cache_retention", "reasoning_effort", "refusal", "safety_identifier"],
  ...["service_tier", "store", "suffix", "user", "verbosity", "web_search_options"],
]);

/** What functions and schemas may be called. */
export const NAME = /^[\w.-]{1,64}$/;

/** The start of a value for people. */
function shown(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : describe(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function describe(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/** The members of an object that came from outside; those that nobody reads are refused at the end. */
export class Params {
  readonly #members: Readonly<Record<string, unknown>>;
  readonly #place: string;
  readonly #read = new Set<string>();

  constructor(value: unknown, place: string | null) {
    if (!isObject(value))
      throw refusal(
        "invalid_type",
        place,
        `${place ?? "The request"} is ${shown(value)}; give an object.`,
      );
    this.#members = value;
    this.#place = place ?? "";
  }

  /** Where a member stands: `messages[1].content`. */
  path(name: string): string {
    return this.#place === "" ? name : `${this.#place}.${name}`;
  }

  names(): readonly string[] {
    return Object.keys(this.#members);
  }

  /** Undefined where it is left out or null. */
  value(name: string): unknown {
    this.#read.add(name);
    return this.#members[name] ?? undefined;
  }

  refuse(name: string, code: ErrorCode, complaint: string, status?: number): never {
    throw refusal(code, this.path(name), `${this.path(name)} ${complaint}`, status);
  }

  number(
    name: string,
    least: number,
    most: number,
    need = `a number from ${least} to ${most}`,
  ): number | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (typeof value !== "number")
      this.refuse(name, "invalid_type", `is ${shown(value)}; give ${need}.`);
    // Nothing that compares is true of NaN.
    if (!(value >= least && value <= most))
      this.refuse(name, "invalid_value", `is ${value}; give ${need}.`);
    return value;
  }

  integer(name: string, least: number, most: number): number | undefined {
    const need = `a whole number from ${least} to ${most}`;
    const value = this.number(name, least, most, need);
    if (value !== undefined && !Number.isInteger(value))
      this.refuse(name, "invalid_value", `is ${value}; give ${need}.`);
    return value;
  }

  flag(name: string): boolean | undefined {
    const value = this.value(name);
    if (value === undefined || typeof value === "boolean") return value;
    return this.refuse(name, "invalid_type", `is ${shown(value)}; give true or false.`);
  }

  /** A string that has no half of a surrogate pair: the tokenizer would have to read another text than this one. */
  text(name: string): string | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    if (typeof value !== "string")
      this.refuse(name, "invalid_type", `is ${shown(value)}; give a string.`);
    return wellFormed(value, this.path(name));
  }

  list(name: string): readonly unknown[] | undefined {
    const value = this.value(name);
    if (value === undefined || Array.isArray(value)) return value;
    return this.refuse(name, "invalid_type", `is ${shown(value)}; give a list.`);
  }

  object(name: string): Params | undefined {
    const value = this.value(name);
    return value === undefined ? undefined : new Params(value, this.path(name));
  }

  /** What was read, or a refusal where it was left out. */
  required<T>(name: string, value: T | undefined): T {
    return value ?? this.refuse(name, "missing_required_parameter", "is missing; give it.");
  }

  oneOf<const T extends string>(name: string, words: readonly T[]): T | undefined {
    const value = this.value(name);
    if (value === undefined) return undefined;
    const found = words.find((word) => word === value);
    return (
      found ?? this.refuse(name, "invalid_value", `is ${shown(value)}; give ${words.join(", ")}.`)
    );
  }

  /** Takes members that need no reading. */
  passOver(names: readonly string[]): void {
    for (const name of names) this.#read.add(name);
  }

  /** Throws for the first member that has a value and that nobody has read. */
  end(): void {
    for (const [name, value] of Object.entries(this.#members)) {
      if (this.#read.has(name) || value === undefined || value === null) continue;
      if (OPENAI_ONLY.has(name)) {
        this.refuse(name, "unsupported_parameter", "is not supported here; leave it out.");
      }
      this.refuse(
        name,
        "unknown_parameter",
        "is not a parameter; leave it out, or correct its name.",
      );
    }
  }
}

/** The text, or a refusal where it has half of a surrogate pair, which is what a cut through an emoji leaves. */
export function wellFormed(text: string, place: string): string {
  if (text.isWellFormed()) return text;
  throw refusal(
    "invalid_value",
    place,
    `${place} has half of a surrogate pair, as a cut through an emoji leaves it; give whole characters.`,
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The same as plain JSON, which is what chat templates write and what grammars are made of. */
export function asJson(value: unknown, place: string): unknown {
  try {
    return JSON.parse(JSON.stringify(value));
  } catch {
    throw refusal(
      "invalid_value",
      place,
      `${place} holds itself, or something that is not JSON; give plain JSON Schemas.`,
    );
  }
}
