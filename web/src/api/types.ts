/**
 * What a request holds and what comes back, under OpenAI's names.
 *
 * `null` is the same as leaving a field out. A field that is not here, or a value that is said to be refused, throws an
 * `ApiError` that names it.
 */

/** A function the model may call. */
export interface FunctionTool {
  readonly type: "function";
  readonly function: {
    /** Letters, digits, `_`, `-` and `.`, at most 64. */
    readonly name: string;
    readonly description?: string | undefined;
    /** The arguments as a JSON Schema of an object; left out: no arguments. */
    readonly parameters?: Readonly<Record<string, unknown>> | undefined;
    /** True: arguments are held to the schema. False unless given: they are a JSON object. */
    readonly strict?: boolean | null | undefined;
  };
}

/** A call that the model made. */
export interface ToolCall {
  /** What the tool message that answers the call names in `tool_call_id`. */
  readonly id: string;
  readonly type: "function";
  readonly function: {
    readonly name: string;
    /** A JSON object as text. */
    readonly arguments: string;
  };
}

/** Text, or the parts of a text; images and sound are refused. */
export type Content = string | readonly TextPart[];

/** One piece of a message's text. */
export interface TextPart {
  readonly type: "text";
  readonly text: string;
}

/** One message of a conversation. `developer` is the same as `system`. */
export type Message =
  | { readonly role: "system" | "developer" | "user"; readonly content: Content }
  | {
      readonly role: "assistant";
      /** May be left out where there are tool calls. */
      readonly content?: Content | null | undefined;
      /** The thinking that came before the content, as an answer has it. */
      readonly reasoning_content?: string | null | undefined;
      readonly tool_calls?: readonly ToolCall[] | undefined;
      /** Only null: the model refuses in its content. */
      readonly refusal?: null | undefined;
    }
  | {
      readonly role: "tool";
      readonly content: Content;
      /** The id of a call in the last assistant message. */
      readonly tool_call_id: string;
    };

/** How tokens are drawn and where the text ends: what both kinds of request share. */
export interface SamplingParams {
  /** The name of the loaded model; left out: that one. Another name is refused with `model_not_found`. */
  readonly model?: string | null | undefined;
  /** 0 to 2; 0 takes the likeliest token every time. 1 unless given. */
  readonly temperature?: number | null | undefined;
  /** Over 0, up to 1: only the likeliest tokens with this share of the probability together. 1 unless given. */
  readonly top_p?: number | null | undefined;
  /** Only so many of the likeliest tokens; 0, which is the default, is all. */
  readonly top_k?: number | null | undefined;
  /** 0 to 1: only tokens with at least this share of the likeliest one's probability. 0 unless given. */
  readonly min_p?: number | null | undefined;
  /** -2 to 2: taken from the logits of tokens that the answer has. 0 unless given. */
  readonly presence_penalty?: number | null | undefined;
  /** -2 to 2: taken from the logits of tokens for each time the answer has them. 0 unless given. */
  readonly frequency_penalty?: number | null | undefined;
  /** Over 0, up to 100: divides the logits of tokens that the prompt or the answer has. 1 unless given. */
  readonly repetition_penalty?: number | null | undefined;
  /** Token id to -100..100, which is added to the token's logit. */
  readonly logit_bias?: Readonly<Record<string, number>> | null | undefined;
  /** A whole number. Same seed, same text on the same device; the n-th choice draws with seed + n. Random unless given. */
  readonly seed?: number | null | undefined;
  /** Up to 4 texts of 1 to 1000 characters; the answer ends before the first of them that it would have. */
  readonly stop?: string | readonly string[] | null | undefined;
  /** 1 to 16 answers, made one after the other. 1 unless given. */
  readonly n?: number | null | undefined;
}

/** What a stream tells beside its text. */
export interface StreamOptions {
  /** A last chunk, without choices, has the usage. False unless given. */
  readonly include_usage?: boolean | null | undefined;
}

/**
 * What a finished answer is; thinking is apart from it. What cannot be held to is refused, and an answer that the limit or
 * a stop text cut ends with `length`.
 */
export type ResponseFormat =
  | { readonly type: "text" }
  /** A JSON object. */
  | { readonly type: "json_object" }
  /** JSON that a schema is true of. */
  | {
      readonly type: "json_schema";
      readonly json_schema: {
        /** Letters, digits, `_`, `-` and `.`, at most 64. */
        readonly name: string;
        readonly description?: string | undefined;
        readonly schema: Readonly<Record<string, unknown>>;
        /** The answer is held to the schema either way. */
        readonly strict?: boolean | null | undefined;
      };
    }
  /** A text that all of a regular expression matches: JavaScript's, with the flag `u`. */
  | { readonly type: "regex"; readonly regex: string }
  /** A text of a grammar in XGrammar's EBNF, whose first rule is `root`. */
  | { readonly type: "grammar"; readonly grammar: string };

/** Whether the model calls functions: as it likes, never (it does not hear of them), at least once, or this one. */
export type ToolChoice =
  | "auto"
  | "none"
  | "required"
  | { readonly type: "function"; readonly function: { readonly name: string } };

/** A request to `engine.chat.completions.create`. */
export interface ChatParams extends SamplingParams {
  /** At least one. */
  readonly messages: readonly Message[];
  /** Tokens of the answer at most, thinking included; as many as the context holds unless given. */
  readonly max_completion_tokens?: number | null | undefined;
  /** The older name of `max_completion_tokens`; only one of them may be given. */
  readonly max_tokens?: number | null | undefined;
  readonly stream?: boolean | null | undefined;
  readonly stream_options?: StreamOptions | null | undefined;
  /** Whether the answer tells the log-probability of each of its tokens. False unless given. */
  readonly logprobs?: boolean | null | undefined;
  /** 0 to 20: the likeliest tokens beside each; needs `logprobs`. */
  readonly top_logprobs?: number | null | undefined;
  /** Any text unless given. A form of the answer and tools that may be called are refused together. */
  readonly response_format?: ResponseFormat | null | undefined;
  readonly tools?: readonly FunctionTool[] | null | undefined;
  /** `auto` where there are tools, unless given. */
  readonly tool_choice?: ToolChoice | null | undefined;
  /** False ends the answer after its first call. True unless given. */
  readonly parallel_tool_calls?: boolean | null | undefined;
  /** Whether the model thinks first; as its chat template has it unless given. Refused where the template cannot. */
  readonly enable_thinking?: boolean | null | undefined;
}

/** A request to `engine.completions.create`: the model goes on from a text, with no chat template around it. */
export interface CompletionParams extends SamplingParams {
  /** A text, in which the tokenizer's own special tokens count as such, or token ids. */
  readonly prompt: string | readonly number[];
  /** 16 unless given, as OpenAI has it. */
  readonly max_tokens?: number | null | undefined;
  readonly stream?: boolean | null | undefined;
  readonly stream_options?: StreamOptions | null | undefined;
  /** 0 to 20: tells the log-probability of each token and of so many of the likeliest. */
  readonly logprobs?: number | null | undefined;
}

/** The second argument of `create`. */
export interface RequestOptions {
  /** Ends the request: `create` or the stream throws the signal's reason, which is an `AbortError` unless given. */
  readonly signal?: AbortSignal | null | undefined;
}

/** The model's own end or a stop text; the limit or the context; a call. */
export type FinishReason = "stop" | "length" | "tool_calls";

/** Counts are in tokens. */
export interface Usage {
  /** Of the prompt, the chat template's own included. */
  readonly prompt_tokens: number;
  /** Of all choices, thinking included. */
  readonly completion_tokens: number;
  /** Prompt and completion together. */
  readonly total_tokens: number;
  /** Tokens at the prompt's beginning that were still there from the request before. */
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  readonly completion_tokens_details: { readonly reasoning_tokens: number };
  /** Windowseat's own: of the first choice. */
  readonly timings: Timings;
}

/** How fast an answer came. */
export interface Timings {
  /** Milliseconds from the request to its first token, those in the queue included. */
  readonly first_token_ms: number;
  /** Prompt tokens read in a second, those that were still there left out; 0 where nothing came. */
  readonly prompt_per_second: number;
  /** Tokens made in a second, after the first; 0 for fewer than two. */
  readonly predicted_per_second: number;
}

/** A token and how likely it was. */
export interface TokenLogprob {
  /** With U+FFFD where the token is a part of a character. */
  readonly token: string;
  /** Natural logarithm of the probability, before any of the request's settings has changed it. */
  readonly logprob: number;
  /** UTF-8; null where the token is a part of a character. */
  readonly bytes: number[] | null;
}

/** The token that was taken. */
export interface ContentLogprob extends TokenLogprob {
  /** As many as were asked for, the likeliest first. */
  readonly top_logprobs: TokenLogprob[];
}

/** Of the tokens of the content; those of thinking and of tool calls are left out. */
export interface ChatLogprobs {
  readonly content: ContentLogprob[];
  readonly refusal: null;
}

/** What the model answers; send it back as it is. */
export interface AssistantMessage {
  readonly role: "assistant";
  /** Null where there are only calls. */
  readonly content: string | null;
  readonly refusal: null;
  /** Only where the model thought. */
  readonly reasoning_content?: string;
  /** Only where it made calls. */
  readonly tool_calls?: ToolCall[];
}

/** What both kinds of answer begin with. */
interface Head<Kind extends string> {
  /** One for all chunks of a stream. */
  readonly id: string;
  readonly object: Kind;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
  /** The variant that runs; another one may answer the same seed with another text. */
  readonly system_fingerprint: string;
}

/** A whole answer to a conversation. */
export interface ChatCompletion extends Head<"chat.completion"> {
  readonly choices: {
    readonly index: number;
    readonly message: AssistantMessage;
    readonly logprobs: ChatLogprobs | null;
    readonly finish_reason: FinishReason;
  }[];
  readonly usage: Usage;
}

/** A piece of a call: the first one of an index has its id and its name, the others more of its arguments. */
export interface ToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: "function";
  readonly function: { readonly name?: string; readonly arguments: string };
}

/** What a chunk adds to the message. */
export interface ChatDelta {
  readonly role?: "assistant";
  readonly content?: string | null;
  readonly reasoning_content?: string;
  readonly tool_calls?: ToolCallDelta[];
}

/** A piece of an answer to a conversation. */
export interface ChatChunk extends Head<"chat.completion.chunk"> {
  readonly choices: {
    readonly index: number;
    readonly delta: ChatDelta;
    readonly logprobs: ChatLogprobs | null;
    readonly finish_reason: FinishReason | null;
  }[];
  /** Only with `include_usage`: null but in the last chunk. */
  readonly usage?: Usage | null;
}

/** Of the tokens of a choice's text, in their order. */
export interface CompletionLogprobs {
  readonly tokens: string[];
  readonly token_logprobs: number[];
  /** By the token's text. */
  readonly top_logprobs: Readonly<Record<string, number>>[];
  /** UTF-16 units of the choice's text before each token. */
  readonly text_offset: number[];
}

/** One of the texts that were made. */
export interface CompletionChoice<Reason> {
  readonly index: number;
  readonly text: string;
  readonly logprobs: CompletionLogprobs | null;
  readonly finish_reason: Reason;
}

/** A whole answer to a text to go on from. */
export interface Completion extends Head<"text_completion"> {
  readonly choices: CompletionChoice<"stop" | "length">[];
  readonly usage: Usage;
}

/** A piece of an answer to a text to go on from. */
export interface CompletionChunk extends Head<"text_completion"> {
  readonly choices: CompletionChoice<"stop" | "length" | null>[];
  /** Only with `include_usage`: null but in the last chunk. */
  readonly usage?: Usage | null;
}

/** A loaded model. */
export interface ModelEntry {
  readonly id: string;
  readonly object: "model";
  /** Seconds since 1970, when it was loaded. */
  readonly created: number;
  readonly owned_by: "windowseat";
}

/** The loaded models. */
export interface ModelList {
  readonly object: "list";
  readonly data: ModelEntry[];
}
