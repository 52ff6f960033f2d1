import { CALL_CLOSE, CALL_OPEN } from "./call_tags.ts";
import {
  type Expression,
  either,
  literal,
  optional,
  type Rules,
  repeat,
  sequence,
} from "./ebnf.ts";
import { SchemaGrammar } from "./json_schema.ts";
import { asSchema } from "./schema_parts.ts";
import { xmlArguments, xmlLooseArguments } from "./xml_arguments.ts";

/** How the model shall call functions. */
export interface CallWishes {
  /** As the chat template has calls written. */
  readonly form: "json" | "xml";
  readonly functions: readonly CalledFunction[];
  /** Whether there may be text: before a call, or with none. */
  readonly text: boolean;
  readonly many: boolean;
}

export interface CalledFunction {
  readonly name: string;
  /** A JSON Schema. */
  readonly parameters: unknown;
  /** Whether arguments are held to the schema; else only to the form. */
  readonly strict: boolean;
  /** Where its parameters stand in the request. */
  readonly place: string;
}

const NEWLINE = literal("\n");

/** Calls of functions in the form that the chat template shows. */
export function callsGrammar(
  rules: Rules,
  { form, functions, text, many }: CallWishes,
): Expression {
  const calls = functions.map((called) =>
    form === "json" ? jsonCall(rules, called) : xmlCall(rules, called),
  );
  // What follows the tag.
  const call = rules.add("call", sequence(NEWLINE, either(calls), literal(CALL_CLOSE)));
  if (text) {
    const dispatch = `TagDispatch(("${CALL_OPEN}", ${call}), stop_eos=true, loop_after_dispatch=true)`;
    return rules.add("text", dispatch);
  }
  const more = sequence(optional(NEWLINE), literal(CALL_OPEN), call);
  return sequence(
    literal(CALL_OPEN),
    call,
    many ? repeat(more, 0, Number.POSITIVE_INFINITY) : '""',
  );
}

function jsonCall(rules: Rules, { name, parameters, strict, place }: CalledFunction): Expression {
  const schema = strict ? asSchema(parameters, place) : { type: "object" };
  const grammar = new SchemaGrammar(rules, schema, place);
  const head = literal(`{"name": ${JSON.stringify(name)}, "arguments": `);
  return sequence(head, grammar.all(), literal("}"), NEWLINE);
}

function xmlCall(rules: Rules, { name, parameters, strict, place }: CalledFunction): Expression {
  const schema = asSchema(parameters, place);
  const inside = strict
    ? xmlArguments(rules, schema, place)
    : xmlLooseArguments(rules, Object.keys(asSchema(schema.properties ?? {}, place)));
  return sequence(literal(`<function=${name}>\n`), inside, literal("</function>"), NEWLINE);
}
