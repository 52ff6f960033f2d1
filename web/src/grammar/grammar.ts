import { Rules } from "./ebnf.ts";
import {
  BrokenGrammar,
  type Compiled,
  checkGrammar,
  type Instance,
  openInstance,
  type Vocabulary,
} from "./instance.ts";
import { SchemaGrammar } from "./json_schema.ts";
import { plainChar } from "./json_text.ts";
import { refuse } from "./refuse.ts";
import { regexGrammar } from "./regex.ts";
import { type CallWishes, callsGrammar } from "./tool_grammar.ts";

export type { Vocabulary } from "./instance.ts";
export { GrammarError } from "./refuse.ts";

/** What an answer has to be; `place` is where that stands in the request. */
export type Form = { readonly place: string } & (
  | { readonly kind: "json_object" }
  | { readonly kind: "json_schema"; readonly schema: unknown }
  | { readonly kind: "regex"; readonly regex: string }
  | { readonly kind: "grammar"; readonly grammar: string }
  | ({ readonly kind: "calls" } & CallWishes)
);

/** Follows one answer through its grammar. */
export interface Matcher {
  /** A bit for each token that may come next: bit id mod 32 of word id / 32. */
  readonly allowed: () => Promise<Int32Array<ArrayBuffer>>;
  /** False for a token that was not allowed. */
  readonly accept: (token: number) => boolean;
  readonly close: () => void;
}

export interface Grammars {
  /** Throws a GrammarError for a form that cannot be held to. */
  readonly match: (form: Form) => Promise<Matcher>;
}

/** Compiled grammars that stay: an answer of the same form begins at once. */
const KEPT = 8;
/** A larger grammar takes seconds to compile. */
const MOST_CHARACTERS = 500_000;

/** Grammars over a vocabulary, which is read at the first match. */
export function openGrammars(vocabulary: Vocabulary): Grammars {
  let opening: Promise<Instance> | null = null;
  let kept = new Map<string, Compiled>();

  const compile = async (ebnf: string, { kind, place }: Form): Promise<Compiled> => {
    const known = kept.get(ebnf);
    if (known) {
      kept.delete(ebnf);
      kept.set(ebnf, known);
      return known;
    }
    // The others are ours, and can be read.
    if (kind === "grammar") {
      await checkGrammar(ebnf).catch((error: unknown) => refuseBroken(error, place));
    }
    opening ??= openInstance(vocabulary);
    const instance = await opening;
    try {
      const compiled = await instance.compile(ebnf);
      kept.set(ebnf, compiled);
      const [oldest] = kept;
      if (kept.size > KEPT && oldest) {
        kept.delete(oldest[0]);
        oldest[1].dispose();
      }
      return compiled;
    } catch (error) {
      // It is broken, and all that it made.
      opening = null;
      kept = new Map();
      return refuseBroken(error, place);
    }
  };
  const match = async (form: Form): Promise<Matcher> => {
    const ebnf = ebnfOf(form);
    if (ebnf.length > MOST_CHARACTERS) {
      refuse(form.place, "makes a grammar that is too large; ask for less at a time.");
    }
    const compiled = await compile(ebnf, form);
    const matcher = await compiled.match();
    const first = await matcher.getNextTokenBitmask();
    if (first.every((word) => word === 0)) {
      matcher.dispose();
      refuse(form.place, "matches no text at all; correct it.");
    }
    return {
      allowed: () => matcher.getNextTokenBitmask(),
      accept: (token) => matcher.acceptToken(token),
      close: () => matcher.dispose(),
    };
  };
  return { match };
}

/** The grammar of a form. */
function ebnfOf(form: Form): string {
  const { place } = form;
  const rules = new Rules();
  switch (form.kind) {
    case "json_object":
      return rules.text(new SchemaGrammar(rules, { type: "object" }, place).all());
    case "json_schema":
      return rules.text(new SchemaGrammar(rules, form.schema, place).all());
    case "regex":
      return rules.text(regexGrammar(form.regex, true, { place, char: plainChar }));
    case "grammar":
      return form.grammar;
    case "calls":
      return rules.text(callsGrammar(rules, form));
  }
}

function refuseBroken(error: unknown, place: string): never {
  if (!(error instanceof BrokenGrammar)) throw error;
  refuse(place, `cannot be read: ${error.message.replace(/\.?$/, ".")}`);
}
