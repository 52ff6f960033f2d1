import { WindowseatError } from "./failure.ts";
import type { Bundle } from "./format.ts";

/** The context asked for, or a failure when the model does not take it. */
export function checkContext({ name, context: { max } }: Bundle, context: number): number {
  if (Number.isSafeInteger(context) && context >= 1 && context <= max) return context;
  throw new WindowseatError(
    "bad_request",
    `${name} was asked for a context of ${context} tokens and takes 1 to ${max}; ask for one of those.`,
  );
}

/** Throws for a prompt that is empty, does not fit, or has ids that the model does not know. */
export function checkPrompt(
  {
    manifest,
    context,
    asked,
  }: { readonly manifest: Bundle; readonly context: number; readonly asked: number },
  prompt: readonly number[],
): void {
  if (prompt.length === 0) {
    throw new WindowseatError("empty_prompt", "The prompt is empty; write something first.");
  }
  if (prompt.length > context) {
    const larger = context === asked && asked < manifest.context.max;
    throw new WindowseatError(
      "prompt_too_long",
      `The conversation has ${prompt.length} tokens and ${manifest.name} holds ${context}${context < asked ? " on this GPU" : ""}; start a new conversation${larger ? " or load it with a larger context" : ""}.`,
    );
  }
  const strange = prompt.find((id) => id >= manifest.vocabulary || id < 0);
  if (strange !== undefined) {
    throw new WindowseatError(
      "bad_request",
      `The prompt has the token ${strange} and ${manifest.name} knows ${manifest.vocabulary}; its tokenizer and its weights do not belong together.`,
    );
  }
}
