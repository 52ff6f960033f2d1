import type { TokenMask } from "../runtime/constrained.ts";
import { CLOSE } from "./thinking.ts";
import { allow, forbid, noTokens } from "./token_mask.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** A thought as it comes, token by token. */
export interface Thought {
  /** What it may go on with, which nobody may change. */
  readonly allowed: () => TokenMask;
  /** Hears of the token that came; true for the one that it ends with. */
  readonly endsWith: (token: number) => boolean;
}

/** Words behind the tag that ends a thought. */
const WORDS_BEHIND = /<\/think>.*[^\t\n\r ]/s;

/**
 * Thoughts in the tokens of a model. They are free but have to end, so that no stop token comes in one. The end is where the
 * text has the tag, in one token or spelled out by several, as for whoever splits the answer's text. A token that would end a
 * thought and go on with words may not come: nothing could hold those to a form.
 */
export function readThoughts(
  { bytes }: Tokenizer,
  vocabulary: number,
  stopTokens: readonly number[],
): () => Thought {
  const free = noTokens(vocabulary);
  /** Tokens that the tag may end in. */
  const enders: { readonly id: number; readonly text: string }[] = [];
  for (let id = 0; id < vocabulary; id += 1) {
    const text = textOf(bytes(id));
    if (text === "" || stopTokens.includes(id)) continue;
    allow(free, id);
    if (text.includes(">")) enders.push({ id, text });
  }
  const masks = new Map<string, TokenMask>();
  const maskBehind = (begun: string): TokenMask => {
    const known = masks.get(begun);
    if (known) return known;
    const mask = free.slice();
    for (const { id, text } of enders) if (WORDS_BEHIND.test(begun + text)) forbid(mask, id);
    masks.set(begun, mask);
    return mask;
  };
  return () => {
    /** As much of the tag as the text ends with. */
    let begun = "";
    return {
      allowed: () => maskBehind(begun),
      endsWith: (token) => {
        const text = begun + textOf(bytes(token));
        const tail = text.slice(Math.max(0, text.lastIndexOf(CLOSE.charAt(0))));
        begun = CLOSE.startsWith(tail) ? tail : "";
        return text.includes(CLOSE);
      },
    };
  };
}

/** A character for each byte: enough to find a tag, which is ASCII, and never half of anything. */
function textOf(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
