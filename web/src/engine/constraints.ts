import type { Form, Grammars, Matcher } from "../grammar/grammar.ts";
import type { Constraint } from "../runtime/constrained.ts";
import { WindowseatError } from "../runtime/failure.ts";
import type { Bundle } from "../runtime/format.ts";
import { messageOf } from "../runtime/message_of.ts";
import type { GenerateRequest } from "../runtime/messages.ts";
import { afterThinking } from "./after_thinking.ts";
import { formOf } from "./answer_form.ts";
import { beforeEnd } from "./before_end.ts";
import type { Thinking } from "./thinking.ts";
import { readThoughts, type Thought } from "./thought_tokens.ts";
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
  let thoughts: (() => Thought) | null = null;
  const load = async (): Promise<Grammars> => {
    const { openGrammars } = await loadGrammar();
    checkWebAssembly();
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
      if (thinking === "over") return held;
      thoughts ??= readThoughts(tokenizer, size, stopTokens);
      return afterThinking(held, thinking, thoughts(), tokenizer);
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

/** Throws where nothing may be compiled: what XGrammar says then names neither the policy nor the page. */
function checkWebAssembly(): void {
  try {
    new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)); // an empty one
  } catch (error) {
    const why = messageOf(error);
    throw new WindowseatError(
      "internal",
      `The grammar engine needs WebAssembly, which may not be compiled here (${why}); add 'wasm-unsafe-eval' to script-src in the content security policy of the page and of the worker's script.`,
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
