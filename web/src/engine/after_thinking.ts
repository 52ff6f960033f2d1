import type { TokenMask } from "../runtime/constrained.ts";
import { WindowseatError } from "../runtime/failure.ts";
import type { AnswerConstraint } from "./constraints.ts";
import { OPEN } from "./thinking.ts";
import type { Thought } from "./thought_tokens.ts";
import { allow } from "./token_mask.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Holds an answer to its form behind a thought. The blank lines that models put there belong to nobody. */
export function afterThinking(
  held: AnswerConstraint,
  thinking: "open" | "possible",
  thought: Thought,
  { encode }: Tokenizer,
): AnswerConstraint {
  const begins = thinking === "possible" ? [onlyOne(encode(OPEN))] : [];
  const blanks = ["\n", "\n\n"]
    .map(encode)
    .filter(({ length }) => length === 1)
    .flat();
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
          return await also(begins);
        case "thought":
          return thought.allowed();
        case "behind":
          return await also(blanks);
        case "answer":
          return await held.allowed();
      }
    },
    accept: (token) => {
      if (place === "thought") {
        if (thought.endsWith(token)) place = "behind";
      } else if (place === "before" && begins.includes(token)) place = "thought";
      else if (place === "behind" && blanks.includes(token)) place = "answer";
      else {
        place = "answer";
        held.accept(token);
      }
    },
  };
}

/** The one token that a text is; where it is several, a thought could not be told from an answer in time. */
function onlyOne(ids: readonly number[]): number {
  const [id, ...more] = ids;
  if (id !== undefined && more.length === 0) return id;
  throw new WindowseatError(
    "bad_request",
    `The tokenizer has ${ids.length} tokens for ${OPEN} and a form behind a thought needs one; set enable_thinking to false.`,
    { place: "enable_thinking" },
  );
}
