import type { Form, Grammars, Matcher } from "../grammar/grammar.ts";
import type { Constraint, TokenMask } from "../runtime/constrained.ts";
import { WindowseatError } from "../runtime/failure.ts";
import type { Bundle } from "../runtime/format.ts";
import type { GenerateRequest } from "../runtime/messages.ts";
import { formOf } from "./answer_form.ts";
import { beforeEnd } from "./before_end.ts";
import { CLOSE, OPEN, type Thinking } from "./thinking.ts";
import type { Tokenizer } from "./tokenizer.ts";
import type { CallForm } from "./tool_calls.ts";

/** A constraint over one answer, which holds memory until it is closed. */
export interface AnswerConstraint extends Constraint {
  readonly close: () => void;
}

export interface Constraints {
  /** What holds a request's answer to its form; undefined where it may be any text. Throws the signal's reason. */
  readonly of: (
    request: GenerateRequest,
    thinking: Thinking,
    signal: AbortSignal,
  ) => Promise<AnswerConstraint | undefined>;
}

/** Constraints over a model's tokens; the grammar engine is loaded at the first that is needed. */
export function createConstraints(
  tokenizer: Tokenizer,
  { vocabulary: size, stop_tokens: stopTokens }: Bundle,
  callForm: CallForm | null,
): Constraints {
  let loading: Promise<Grammars> | null = null;
  const load = async (): Promise<Grammars> => {
    const { openGrammars } = await loadGrammar();
    return openGrammars({ size, stopTokens, bytes: tokenizer.bytes });
  };
  const match = async (form: Form, signal: AbortSignal): Promise<Matcher> => {
    // A script that the network lost is asked for again.
    loading ??= load().catch((error: unknown) => {
      loading = null;
      throw error;
    });
    const grammars = await beforeEnd(loading, signal);
    const { GrammarError } = await loadGrammar();
    try {
      return await grammars.match(form);
    } catch (error) {
      if (!(error instanceof GrammarError)) throw error;
      const { message, place } = error;
      throw new WindowseatError("bad_request", message, { place, cause: error });
    }
  };
  return {
    of: async (request, thinking, signal) => {
      const form = formOf(request, callForm);
      if (form === null) return undefined;
      if (request.continues) {
        const message = `An answer that goes on cannot be held to ${form.place}; ask for it from its start.`;
        throw new WindowseatError("bad_request", message, { place: form.place });
      }
      const matcher = await match(form, signal);
      const held = holdTo(matcher);
      return thinking === "over"
        ? held
        : afterThinking(held, thinking, tokenizer, size, stopTokens);
    },
  };
}

async function loadGrammar(): Promise<typeof import("../grammar/grammar.ts")> {
  try {
    return await import("../grammar/grammar.ts");
  } catch (error) {
    throw new WindowseatError(
      "missing_file",
      "The grammar engine could not be loaded; serve grammar.js beside the engine's script.",
      { cause: error },
    );
  }
}

function holdTo({ allowed, accept, close }: Matcher): AnswerConstraint {
  return {
    allowed,
    accept: (token) => {
      if (accept(token)) return;
      throw new WindowseatError(
        "internal",
        `The model chose the token ${token}, which was masked.`,
      );
    },
    close,
  };
}

/**
 * The same behind a thought, which is free but has to end: no stop token comes in it. The blank lines that models put behind
 * a thought belong to nobody.
 */
function afterThinking(
  held: AnswerConstraint,
  thinking: "open" | "possible",
  tokenizer: Tokenizer,
  size: number,
  stopTokens: readonly number[],
): AnswerConstraint {
  const [open, close] = [OPEN, CLOSE].map((tag) => tokenizer.encode(tag));
  const [begin, end] = [onlyOne(open), onlyOne(close)];
  const blanks = ["\n", "\n\n"]
    .map(tokenizer.encode)
    .filter(({ length }) => length === 1)
    .flat();
  const free = new Int32Array(Math.ceil(size / 32));
  for (let id = 0; id < size; id += 1) {
    if (tokenizer.bytes(id).length > 0 && !stopTokens.includes(id)) allow(free, id);
  }
  let place: "before" | "thought" | "behind" | "answer" =
    thinking === "open" ? "thought" : "before";
  const also = async (ids: readonly number[]): Promise<TokenMask | null> => {
    const mask = await held.allowed();
    if (mask) for (const id of ids) allow(mask, id);
    return mask;
  };
  return {
    close: held.close,
    allowed: async () => {
      switch (place) {
        case "before":
          return await also([begin]);
        case "thought":
          return free;
        case "behind":
          return await also(blanks);
        case "answer":
          return await held.allowed();
      }
    },
    accept: (token) => {
      if (place === "thought") {
        if (token === end) place = "behind";
      } else if (place === "before" && token === begin) place = "thought";
      else if (place === "behind" && blanks.includes(token)) place = "answer";
      else {
        place = "answer";
        held.accept(token);
      }
    },
  };
}

function allow(mask: TokenMask, id: number): void {
  mask[id >> 5] = (mask[id >> 5] ?? 0) | (1 << (id & 31));
}

/** The one token that a text is; where it is several, a thought could not be told from an answer in time. */
function onlyOne(ids: readonly number[] | undefined): number {
  const [id, ...more] = ids ?? [];
  if (id !== undefined && more.length === 0) return id;
  throw new WindowseatError(
    "bad_request",
    "The tokenizer has no single tokens for the tags of thinking, so an answer after a thought cannot be held to a form; set enable_thinking to false.",
    { place: "enable_thinking" },
  );
}
