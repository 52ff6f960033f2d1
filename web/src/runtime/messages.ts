/**
 * What a page and the engine's worker say to each other.
 *
 * The page sends `load` once and waits for `ready` or `failed`; `loading` comes in between. After that it sends
 * `generate` with a number of its own choosing and gets, for that number: any `prefilling`, any `delta`, then exactly
 * one `done` or `failed`. `stop` ends a generation early; its `done` has reason "cancelled". Requests queue in order.
 */

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string;
  /** The thinking that came before an assistant's answer, without its tags. */
  readonly reasoning_content?: string;
}

/** How the next token is drawn. */
export interface Sampling {
  /** 0 takes the likeliest token every time. */
  readonly temperature: number;
  /** Only the k likeliest tokens; 0 switches it off. */
  readonly top_k: number;
  /** Only the likeliest tokens that together have this share of the probability; 1 switches it off. */
  readonly top_p: number;
  /** Same seed, same text on the same device; 32 bits. */
  readonly seed: number;
}

export interface ModelSummary {
  readonly name: string;
  readonly source: string;
  readonly parameters: number;
  readonly quantisation: string;
  readonly variant: string;
  /** Tokens that a conversation may hold. */
  readonly context: number;
  /** What the adapter calls itself; empty when the browser hides it. */
  readonly adapter: string;
  /** Bytes of weights on the GPU. */
  readonly weightBytes: number;
  /** Whether the chat template knows `enable_thinking`. */
  readonly thinks: boolean;
  /** Milliseconds from the first request to ready. */
  readonly loadMs: number;
}

export interface Usage {
  readonly promptTokens: number;
  /** Prompt tokens whose state was still there from the turn before. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** Milliseconds from the request to the first token. */
  readonly firstTokenMs: number;
  /** Tokens per second after the first. */
  readonly tokensPerSecond: number;
}

/** Why something failed, for code; the message is for people. */
export type FailureCode =
  | "no_webgpu"
  | "no_adapter"
  | "adapter_too_small"
  | "device_lost"
  | "missing_file"
  | "damaged_file"
  | "unknown_version"
  | "prompt_too_long"
  | "empty_prompt"
  | "bad_request"
  | "internal";

export interface Failure {
  readonly code: FailureCode;
  /** One sentence: the thing, what it had, what it needed, what to do. */
  readonly message: string;
}

export interface GenerateRequest {
  readonly id: number;
  readonly messages: readonly ChatMessage[];
  /** Functions the model may call, as the chat template lists them. */
  readonly tools?: readonly unknown[];
  readonly sampling: Sampling;
  /** Undefined: as many as the context holds. */
  readonly maxTokens?: number;
  /** Undefined: as the template has it. */
  readonly thinking?: boolean;
}

export type ToEngine =
  | { readonly kind: "load"; readonly bundle: string; readonly variant?: string; readonly context?: number }
  | ({ readonly kind: "generate" } & GenerateRequest)
  | { readonly kind: "stop"; readonly id: number };

export type LoadStage = "manifest" | "weights" | "kernels";

export type FromEngine =
  | { readonly kind: "loading"; readonly stage: LoadStage; readonly done: number; readonly total: number }
  | { readonly kind: "ready"; readonly model: ModelSummary }
  | { readonly kind: "prefilling"; readonly id: number; readonly done: number; readonly total: number }
  | { readonly kind: "delta"; readonly id: number; readonly channel: "thinking" | "answer"; readonly text: string }
  | { readonly kind: "done"; readonly id: number; readonly reason: "stop" | "length" | "cancelled"; readonly usage: Usage }
  | { readonly kind: "failed"; readonly id: number | null; readonly failure: Failure };
