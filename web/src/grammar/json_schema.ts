import { arrayGrammar } from "./arrays.ts";
import { choice, type Expression, either, literal, type Rules } from "./ebnf.ts";
import { checkEndings } from "./endings.ts";
import { numberGrammar } from "./number_schema.ts";
import { ANY_INTEGER, ANY_NUMBER } from "./numbers.ts";
import { objectGrammar } from "./objects.ts";
import { overlapOf } from "./overlap.ts";
import { follow } from "./pointer.ts";
import { refuse } from "./refuse.ts";
import {
  asList,
  asSchema,
  checkKeywords,
  checkLevels,
  isOf,
  only,
  type Schema,
  typesOf,
} from "./schema_parts.ts";
import { HELD, TYPES, type TypeName } from "./schema_words.ts";
import { stringGrammar } from "./strings.ts";

/** A schema of more rules takes seconds to compile. */
const MOST_RULES = 5000;

/** Blank space where JSON has it: a single space, or a new line with its indentation. */
const BLANK = '(" " | "\\n" [ \\t]{0,32})?';

/** Turns JSON Schemas into grammars of the JSON texts that they are true of, or of some of these. */
export class SchemaGrammar {
  readonly rules: Rules;
  readonly blank: string;
  readonly #root: unknown;
  readonly #rootPlace: string;
  readonly #named = new Map<string, string>();
  /** Of the schema being read, the references that led to it with no text in between. */
  #open: readonly string[] = [];
  #anything: string | null = null;

  constructor(rules: Rules, root: unknown, place: string) {
    this.rules = rules;
    this.blank = rules.add("blank", BLANK);
    this.#root = root;
    this.#rootPlace = place;
  }

  /** The whole schema's grammar. */
  all(): Expression {
    this.check();
    return this.of(this.#root, this.#rootPlace);
  }

  /** Refuses a schema that is too deep, or with a part that never ends. */
  check(): void {
    checkLevels(this.#root, this.#rootPlace);
    checkEndings(this.#root, this.#rootPlace);
  }

  /** The grammar of what a part of the schema is true of. */
  of(schema: unknown, place: string): Expression {
    if (this.rules.count > MOST_RULES) {
      refuse(this.#rootPlace, `has more than ${MOST_RULES} parts; ask for less at a time.`);
    }
    if (schema === true) return this.anything();
    if (schema === false) return refuse(place, "is false: there is no value that it is true of.");
    const members = asSchema(schema, place);
    checkKeywords(members, place);
    if ("$ref" in members) return this.#reference(members, place);
    if ("const" in members) return this.#values(members, "const", [members.const], place);
    if ("enum" in members) {
      return this.#values(members, "enum", asList(members.enum, `${place}.enum`), place);
    }
    for (const keyword of ["anyOf", "oneOf", "allOf"] as const) {
      if (keyword in members) return this.#combined(members, keyword, place);
    }
    return this.#typed(members, place);
  }

  /** The same for something that text stands before: what it refers to may be what it is a part of. */
  inside(schema: unknown, place: string): Expression {
    const open = this.#open;
    this.#open = [];
    const expression = this.of(schema, place);
    this.#open = open;
    return expression;
  }

  /** Any JSON value. */
  anything(): Expression {
    if (this.#anything === null) {
      this.#anything = this.rules.reserve("any");
      this.rules.write(this.#anything, either(TYPES.map((type) => this.#ofType(type, {}, ""))));
    }
    return this.#anything;
  }

  #reference(members: Schema, place: string): Expression {
    only(members, ["$ref"], place);
    const { value, pointer } = follow(this.#root, members.$ref, `${place}.$ref`);
    if (this.#open.includes(pointer)) {
      refuse(`${place}.$ref`, "refers to itself, with nothing written in between.");
    }
    const known = this.#named.get(pointer);
    if (known !== undefined) return known;
    const name = this.rules.reserve("ref");
    this.#named.set(pointer, name);
    const open = this.#open;
    this.#open = [...open, pointer];
    const where = pointer === "#" ? "" : pointer.slice(1).replaceAll("/", ".");
    this.rules.write(name, this.of(value, this.#rootPlace + where));
    this.#open = open;
    return name;
  }

  #values(members: Schema, keyword: string, values: readonly unknown[], place: string): Expression {
    only(members, [keyword, "type"], place);
    const types = "type" in members ? typesOf(members, place) : null;
    const fitting = values.filter((value) => types === null || types.some((t) => isOf(value, t)));
    const options = fitting.map((value) => literal(JSON.stringify(value)));
    return choice(options) ?? refuse(`${place}.${keyword}`, "has no value of the type.");
  }

  #combined(members: Schema, keyword: "anyOf" | "oneOf" | "allOf", place: string): Expression {
    only(members, [keyword], place);
    const here = `${place}.${keyword}`;
    const parts = asList(members[keyword], here);
    if (parts.length === 0) refuse(here, "is empty; give it a schema.");
    if (keyword === "allOf" && parts.length > 1) {
      refuse(here, "has several schemas, which cannot be held to at once; write them as one.");
    }
    const overlap = keyword === "oneOf" ? overlapOf(parts, this.#root, here) : null;
    if (overlap !== null) {
      refuse(here, `has ${overlap}, which may both be true of a value; say anyOf instead.`);
    }
    return either(parts.map((part, i) => this.of(part, `${here}[${i}]`)));
  }

  #typed(members: Schema, place: string): Expression {
    const types = typesOf(members, place);
    const held = types.flatMap((type) => HELD[type]);
    only(members, ["type", ...held], place);
    if (types.length === 0) return this.anything();
    return either(types.map((type) => this.#ofType(type, members, place)));
  }

  #ofType(type: TypeName, members: Schema, place: string): Expression {
    switch (type) {
      case "object":
        return objectGrammar(this, members, place);
      case "array":
        return arrayGrammar(this, members, place);
      case "string":
        return this.rules.add("string", stringGrammar(members, place));
      case "integer":
      case "number": {
        const bounded = numberGrammar(members, type, place);
        return this.rules.add(type, bounded ?? (type === "integer" ? ANY_INTEGER : ANY_NUMBER));
      }
      case "boolean":
        return '("true" | "false")';
      case "null":
        return '"null"';
    }
  }
}
