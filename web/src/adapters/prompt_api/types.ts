import type { WindowseatEngine } from "../../api/engine.ts";

/** What the Prompt API needs of an engine. */
export type PromptEngine = Pick<WindowseatEngine, "session" | "model" | "countTokens" | "close">;

/** Whether there is a model, or what has to come first: its download, or the end of one. */
export type Availability = "unavailable" | "downloadable" | "downloading" | "available";

/** How far an answer may stray from the likeliest one: temperatures 0, 0.4, 1, 1.2 and 1.5. */
export type SamplingMode =
  | "most-predictable"
  | "predictable"
  | "balanced"
  | "creative"
  | "most-creative";

/** A text, which is a user's message, or messages. */
export type PromptInput = string | readonly PromptMessage[];

/** One message of a conversation. */
export interface PromptMessage {
  /** A `system` message is the first one of a conversation. */
  readonly role: "system" | "user" | "assistant";
  readonly content: string | readonly PromptContent[];
  /** Only false: an answer cannot be begun for the model. */
  readonly prefix?: boolean;
}

/** Other types than text are refused with a NotSupportedError. */
export interface PromptContent {
  readonly type: "text" | "image" | "audio";
  readonly value: unknown;
}

/** A function that the session calls by itself when the model asks for it. */
export interface PromptTool {
  readonly name: string;
  readonly description: string;
  /** A JSON Schema of the object that `execute` is called with. */
  readonly inputSchema: object;
  execute(given: unknown): Promise<string>;
}

/** What a session is to read or write. */
export interface Expected {
  readonly type: "text" | "image" | "audio";
  /** BCP 47 tags; each is taken, as nothing says which ones the model knows. */
  readonly languages?: readonly string[];
}

/** What decides whether there is a model for a session. */
export interface CreateCoreOptions {
  /** `balanced` unless given; cannot be given together with `temperature` or `topK`. */
  readonly samplingMode?: SamplingMode;
  /** 0 to 2, more counts as 2; 1 unless given. */
  readonly temperature?: number;
  /** 1 to 128, more counts as 128; 40 unless given. */
  readonly topK?: number;
  readonly expectedInputs?: readonly Expected[];
  readonly expectedOutputs?: readonly Expected[];
  readonly tools?: readonly PromptTool[];
}

/** What a session is made of. */
export interface CreateOptions extends CreateCoreOptions {
  /** Stay when the conversation outgrows its window. */
  readonly initialPrompts?: readonly PromptMessage[];
  /** Ends the creation, and destroys the session that came of it. */
  readonly signal?: AbortSignal;
  /** Is given a target of `downloadprogress` events, whose `loaded` goes from 0 to 1. */
  readonly monitor?: (monitor: EventTarget) => void;
}

/** What may be said of one prompt. */
export interface PromptOptions {
  /** A JSON Schema or a regular expression that the answer is held to. */
  readonly responseConstraint?: object;
  /** Changes nothing but needs a constraint: constraints are never put into the prompt. */
  readonly omitResponseConstraintInput?: boolean;
  /** Ends the prompt, which is then no part of the conversation; the promise rejects with its reason. */
  readonly signal?: AbortSignal;
}
