import type { TokenLogprob as EngineLogprob } from "../runtime/messages.ts";
import type { Heard } from "./client.ts";
import type { ChatLogprobs, CompletionLogprobs, ContentLogprob, TokenLogprob } from "./types.ts";

type Reported = Extract<Heard, { readonly kind: "logprobs" }>;

const encoder = new TextEncoder();

/** Log-probabilities that wait for the text of their tokens, which may be held back for a while. */
export class WaitingLogprobs {
  #waiting: Reported[] = [];

  hear(message: Reported): void {
    if (message.channel === "answer") this.#waiting.push(message);
  }

  /** Those of the text that has now come. */
  take(): readonly Reported[] {
    const taken = this.#waiting;
    if (taken.length > 0) this.#waiting = [];
    return taken;
  }
}

/** Of the first tokens of a content, without those of blanks that it does not have: behind a thought they are nobody's. */
export function withoutStripped(reported: readonly Reported[], text: string): readonly Reported[] {
  const begin = reported.findIndex(({ chosen }) => !/^\s+$/.test(chosen.text));
  return begin < 0 || /^\s/.test(text) ? reported : reported.slice(begin);
}

export function chatLogprobs(reported: readonly Reported[]): ChatLogprobs {
  const content = reported.map(
    ({ chosen, top }): ContentLogprob => ({
      ...entryOf(chosen),
      top_logprobs: top.map(entryOf),
    }),
  );
  return { content, refusal: null };
}

function entryOf({ text, logprob }: EngineLogprob): TokenLogprob {
  const bytes = text.includes("\ufffd") ? null : [...encoder.encode(text)];
  return { token: text, logprob, bytes };
}

/** Of tokens whose text begins so far into the choice's. */
export function completionLogprobs(
  reported: readonly Reported[],
  offset: number,
): CompletionLogprobs {
  let at = offset;
  return {
    tokens: reported.map(({ chosen }) => chosen.text),
    token_logprobs: reported.map(({ chosen }) => chosen.logprob),
    top_logprobs: reported.map(({ top }) =>
      Object.fromEntries(top.map(({ text, logprob }) => [text, logprob])),
    ),
    text_offset: reported.map(({ chosen }) => {
      const start = at;
      at += chosen.text.length;
      return start;
    }),
  };
}
