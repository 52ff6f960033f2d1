/**
 * What a page and the engine's worker say to each other.
 *
 * The page sends `load` once and waits for `ready` or `failed`; `loading` comes in between. `cancel_load` ends a load
 * early, with `failed` and the code "cancelled"; what has come of the model is kept. After `ready` the page sends
 * `generate` with a number of its own choosing and gets, for that number: any `prefilling`, any piece of the answer, then exactly
 * one `done` or `failed`. `stop` ends a generation early; its `done` has reason "cancelled".
 * `count`, with such a number as well, is answered at once by `counted` or `failed`.
 *
 * A request may name a session, which is a conversation with a state of its own, by a number of the page's choosing; the
 * first to do so begins it. Requests of one session queue in order, and sessions take turns. `fork` and `restore` begin a
 * session with a state, `end` ends its requests and frees its memory: they get `settled`; `save` gets `saved`; or `failed`.
 * `fork` and `save` wait for the session's requests before them.
 *
 * At any time it may ask what this browser keeps with `list_stored`, have it deleted with `delete_stored`, and get
 * `stored`; or have the reading timed with `measure_storage`, and get `storage_speed`. When that fails, `storage_failed` comes.
 */

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string;
  /** The thinking that came before an assistant's answer, without its tags. */
  readonly reasoning_content?: string;
  /** The calls that an assistant made after its content. */
  readonly tool_calls?: readonly ToolCall[];
}

/** A call as chat templates take it. */
export interface ToolCall {
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> };
}

/** How the next token is drawn. */
export interface Sampling {
  /** 0 takes the likeliest token every time. */
  readonly temperature: number;
  /** Only the k likeliest tokens; 0 switches it off. */
  readonly top_k: number;
  /** Only the likeliest tokens that together have this share of the probability; 1 switches it off. */
  readonly top_p: number;
  /** Only tokens with at least this share of the likeliest one's probability; undefined or 0 switches it off. */
  readonly min_p?: number;
  /** Same seed, same text on the same device; 32 bits. */
  readonly seed: number;
  /** Divides the logits over 0 of tokens in the prompt or the answer, and multiplies those below; 1 switches it off. */
  readonly repetition_penalty?: number;
  /** Taken from the logits of tokens that are in the answer; 0 switches it off. */
  readonly presence_penalty?: number;
  /** Taken from the logits of tokens for each time they are in the answer; 0 switches it off. */
  readonly frequency_penalty?: number;
  /** What is added to a token's logit, by its id. */
  readonly logit_bias?: Readonly<Record<number, number>>;
  /** Reports each token's log-probability and those of so many of the likeliest, up to 20; undefined: none at all. */
  readonly logprobs?: number;
}

/** A token and the logarithm of its probability, before anything of `Sampling` has changed that. */
export interface Logprob {
  readonly token: number;
  readonly logprob: number;
}

/** The same with the token's text, which is broken where a character takes several tokens. */
export interface TokenLogprob extends Logprob {
  readonly text: string;
}

/** A loaded model, what of it runs, and how it came. */
export interface ModelSummary {
  /** The bundle's name, which requests may give as `model`. */
  readonly name: string;
  /** The checkpoint that it was compiled from. */
  readonly source: string;
  /** Numbers that the model has. */
  readonly parameters: number;
  /** How weights are stored: q4, q8 or f16. */
  readonly quantisation: string;
  /** The variant that runs. */
  readonly variant: string;
  /** Starts like the SHA-256 of the variant's plan. */
  readonly plan: string;
  /** Token ids are below it. */
  readonly vocabulary: number;
  /** Tokens that a conversation may hold. */
  readonly context: number;
  /** What the adapter calls itself; empty when the browser hides it. */
  readonly adapter: string;
  /** Bytes of weights on the GPU. */
  readonly weightBytes: number;
  /** Whether the chat template knows `enable_thinking`. */
  readonly thinks: boolean;
  /** How the chat template has tool calls written; null when in no way that can be read back. */
  readonly toolCalls: "json" | "xml" | null;
  /** Milliseconds from the first request to ready. */
  readonly loadMs: number;
  /** Milliseconds of that in each stage; kernels also compile while the weights come. */
  readonly stageMs: Readonly<Record<LoadStage, number>>;
  /** Bytes of the bundle that came from the network. */
  readonly networkBytes: number;
  /** Bytes of the bundle that this browser had kept from earlier loads. */
  readonly storedBytes: number;
  /** Shards of weights that were in memory at once, at most. */
  readonly mostShards: number;
  /** One sentence on why this browser does not keep the files for the next load; null when it does. */
  readonly notKept: string | null;
}

export interface Usage {
  readonly promptTokens: number;
  /** Prompt tokens whose state was still there from the turn before. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** Completion tokens that are thinking. */
  readonly reasoningTokens: number;
  /** Milliseconds from the request to the first token. */
  readonly firstTokenMs: number;
  /** Milliseconds of that before the request had its turn. */
  readonly queuedMs: number;
  /** Tokens per second after the first. */
  readonly tokensPerSecond: number;
  /** Bytes of GPU memory that the model and its conversation take now. */
  readonly memoryBytes: number;
}

/** A stop token; the context or the limit asked for; no GPU memory for more context; a stop from outside. */
export type EndReason = "stop" | "length" | "memory" | "cancelled";

/** Why something failed, for code; the message is for people. */
export type FailureCode =
  | "no_webgpu"
  | "no_adapter"
  | "adapter_too_small"
  | "device_lost"
  | "network"
  | "cancelled"
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
  /** Where in the request that is, as a path, where that is known. */
  readonly place?: string;
}

/** What an answer has to be, thinking apart; `place` is where that stands in the request, for failures. */
export type AnswerForm = { readonly place: string } & (
  | { readonly kind: "json_object" }
  /** JSON that the schema is true of. */
  | { readonly kind: "json_schema"; readonly schema: unknown }
  /** A text that all of a regular expression matches, in JavaScript's form. */
  | { readonly kind: "regex"; readonly regex: string }
  /** A text of a grammar, in XGrammar's EBNF, whose first rule is `root`. */
  | { readonly kind: "grammar"; readonly grammar: string }
);

export interface GenerateRequest {
  readonly id: number;
  /** 0, which is there from the start, unless given. */
  readonly session?: number;
  readonly messages: readonly ChatMessage[];
  /** Functions the model may call, as the chat template lists them. */
  readonly tools?: readonly unknown[];
  readonly sampling: Sampling;
  /** Undefined: as many as the context holds. */
  readonly maxTokens?: number;
  /** Undefined: as the template has it. */
  readonly thinking?: boolean;
  /** True: the last message is an answer that broke off, and the model goes on where it did. */
  readonly continues?: boolean;
  /** A text or token ids that the model goes on from as they are; there are no messages then, and no thinking. */
  readonly prompt?: string | readonly number[];
  /** The answer ends before the first of these that it would have; thinking is not searched for them. */
  readonly stop?: readonly string[];
  /** Takes calls of `tools` out of the answer: only the first, which ends it, or all; undefined: they stay in the text. */
  readonly toolCalls?: "one" | "many";
  /** The answer is a call: of any of `tools`, or of the one with this name. */
  readonly mustCall?: "any" | { readonly name: string };
  /** A finished answer is of this form, and one that `stop` cut ends with the reason "length"; there are no tools then. */
  readonly form?: AnswerForm;
}

/** A request of which only the length of its prompt is asked. */
export type CountRequest = Pick<GenerateRequest, "id" | "messages" | "tools" | "thinking" | "continues" | "prompt">;

/**
 * A piece of an answer. A call begins with its name, and more of its arguments comes as text until its end; when that says
 * that the call is not whole, the call's own text follows as a delta.
 */
export type AnswerMessage =
  | { readonly kind: "delta"; readonly channel: "thinking" | "answer"; readonly text: string }
  | { readonly kind: "call"; readonly index: number; readonly name: string }
  | { readonly kind: "call_arguments"; readonly index: number; readonly text: string }
  | { readonly kind: "call_end"; readonly index: number; readonly whole: boolean };

/** A bundle of which this browser keeps files. */
export interface StoredBundle {
  readonly address: string;
  readonly name: string;
  /** Bytes of its files that are here; bundles may share files. */
  readonly bytes: number;
  /** Whether it has once loaded to its end, and so loads without a network. */
  readonly complete: boolean;
}

export type ToEngine =
  | { readonly kind: "load"; readonly bundle: string; readonly variant?: string; readonly context?: number;
      /** Keys and values in full (the default), or in 8 bits. */
      readonly kvCache?: "full" | "q8";
      /** False: this browser keeps no files and uses none that it has. */
      readonly keep?: boolean }
  | { readonly kind: "cancel_load" }
  | { readonly kind: "list_stored" }
  /** One bundle by its address, or null for all; files that another bundle has as well stay. */
  | { readonly kind: "delete_stored"; readonly address: string | null }
  | { readonly kind: "measure_storage"; readonly address: string }
  | ({ readonly kind: "generate" } & GenerateRequest)
  | ({ readonly kind: "count" } & CountRequest)
  | { readonly kind: "stop"; readonly id: number }
  /** Makes `to`, which was not named before, a copy of a session. */
  | { readonly kind: "fork"; readonly id: number; readonly session: number; readonly to: number }
  | { readonly kind: "save"; readonly id: number; readonly session: number }
  /** Makes a session, which was not named before, what `saved` gave. */
  | { readonly kind: "restore"; readonly id: number; readonly session: number; readonly state: Uint8Array<ArrayBuffer> }
  | { readonly kind: "end"; readonly id: number; readonly session: number };

export type LoadStage = "manifest" | "weights" | "kernels";

export type FromEngine =
  | { readonly kind: "loading"; readonly stage: LoadStage; readonly done: number; readonly total: number }
  | { readonly kind: "ready"; readonly model: ModelSummary }
  | { readonly kind: "stored"; readonly bundles: readonly StoredBundle[]; readonly bytes: number }
  | { readonly kind: "storage_speed"; readonly bytes: number; readonly ms: number }
  | { readonly kind: "prefilling"; readonly id: number; readonly done: number; readonly total: number }
  | (AnswerMessage & { readonly id: number })
  | { readonly kind: "logprobs"; readonly id: number; readonly channel: "thinking" | "answer"; readonly chosen: TokenLogprob; readonly top: readonly TokenLogprob[] }
  | { readonly kind: "done"; readonly id: number; readonly reason: EndReason; readonly usage: Usage }
  | { readonly kind: "counted"; readonly id: number; readonly tokens: number }
  | { readonly kind: "settled"; readonly id: number }
  | { readonly kind: "saved"; readonly id: number; readonly state: Uint8Array<ArrayBuffer> }
  | { readonly kind: "storage_failed"; readonly failure: Failure }
  | { readonly kind: "failed"; readonly id: number | null; readonly failure: Failure };

/** What goes along with a message instead of being copied. */
export function transferred(message: {
  readonly kind: string;
  readonly state?: Uint8Array<ArrayBuffer>;
}): Transferable[] {
  return message.state ? [message.state.buffer] : [];
}
