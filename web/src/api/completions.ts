import type { ModelSummary } from "../runtime/messages.ts";
import { checkCompletion } from "./check.ts";
import { type ChoiceEvent, generateChoices } from "./choices.ts";
import { lengthOrStop } from "./chunks.ts";
import type { Answering } from "./client.ts";
import { createHead, type Head } from "./head.ts";
import { completionLogprobs, WaitingLogprobs } from "./logprobs.ts";
import { begun, follow, Stream } from "./stream.ts";
import type {
  Completion,
  CompletionChoice,
  CompletionChunk,
  CompletionLogprobs,
  CompletionParams,
  RequestOptions,
  Usage,
} from "./types.ts";

type Reason = "stop" | "length";

/** `engine.completions`. */
export class Completions {
  readonly #client: Answering;
  readonly #model: ModelSummary;

  constructor(client: Answering, model: ModelSummary) {
    this.#client = client;
    this.#model = model;
  }

  /** Goes on from a text; for the rest as `engine.chat.completions.create`. */
  create(
    params: CompletionParams & { readonly stream: true },
    options?: RequestOptions,
  ): Promise<Stream<CompletionChunk>>;
  create(
    params: CompletionParams & { readonly stream?: false | null | undefined },
    options?: RequestOptions,
  ): Promise<Completion>;
  create(
    params: CompletionParams,
    options?: RequestOptions,
  ): Promise<Completion | Stream<CompletionChunk>>;
  async create(
    params: CompletionParams,
    options: RequestOptions = {},
  ): Promise<Completion | Stream<CompletionChunk>> {
    const checked = checkCompletion(params, this.#model);
    const { prompt, stop, maxTokens } = checked;
    const request = { messages: [], prompt, stop, ...(maxTokens !== undefined && { maxTokens }) };
    const head = createHead("cmpl", this.#model);
    const logprobs = checked.sampling.logprobs !== undefined;
    const { controller, signal } = follow(options.signal);
    const events = generateChoices(this.#client, checked, request, signal, "prompt");
    const pieces = piecesOf(events, logprobs);
    if (!checked.stream) return await collect(head, pieces);
    return new Stream(await begun(streamed(head, pieces, checked.includeUsage)), controller);
  }
}

type Piece =
  | { readonly kind: "begin"; readonly index: number }
  | { readonly kind: "text"; readonly choice: CompletionChoice<null> }
  | { readonly kind: "end"; readonly index: number; readonly reason: Reason }
  | { readonly kind: "usage"; readonly usage: Usage };

async function* piecesOf(
  events: AsyncIterable<ChoiceEvent>,
  wantsLogprobs: boolean,
): AsyncGenerator<Piece, void, undefined> {
  const waiting = new WaitingLogprobs();
  let index = -1;
  let offset = 0;
  for await (const event of events) {
    if (event.kind === "usage") {
      yield event;
      continue;
    }
    const { message } = event;
    if (event.index !== index) {
      index = event.index;
      offset = 0;
      waiting.take();
      yield { kind: "begin", index };
    }
    if (message.kind === "logprobs") waiting.hear(message);
    else if (message.kind === "delta") {
      const logprobs = wantsLogprobs ? completionLogprobs(waiting.take(), offset) : null;
      offset += message.text.length;
      const { text } = message;
      yield { kind: "text", choice: { index, text, logprobs, finish_reason: null } };
    } else if (message.kind === "done") {
      yield { kind: "end", index, reason: lengthOrStop(message.reason) };
    }
  }
}

async function collect(head: Head, pieces: AsyncIterable<Piece>): Promise<Completion> {
  const choices: CompletionChoice<Reason>[] = [];
  let parts: CompletionChoice<null>[] = [];
  let usage: Usage | undefined;
  for await (const piece of pieces) {
    switch (piece.kind) {
      case "begin":
        parts = [];
        break;
      case "text":
        parts.push(piece.choice);
        break;
      case "end":
        choices.push({
          index: piece.index,
          text: parts.map(({ text }) => text).join(""),
          logprobs: joined(parts.flatMap(({ logprobs }) => logprobs ?? [])),
          finish_reason: piece.reason,
        });
        break;
      case "usage":
        usage = piece.usage;
    }
  }
  if (!usage) throw new Error("The answer ended without its usage.");
  return { ...head, object: "text_completion", choices, usage };
}

function joined(parts: readonly CompletionLogprobs[]): CompletionLogprobs | null {
  if (parts.length === 0) return null;
  return {
    tokens: parts.flatMap(({ tokens }) => tokens),
    token_logprobs: parts.flatMap(({ token_logprobs }) => token_logprobs),
    top_logprobs: parts.flatMap(({ top_logprobs }) => top_logprobs),
    text_offset: parts.flatMap(({ text_offset }) => text_offset),
  };
}

async function* streamed(
  head: Head,
  pieces: AsyncIterable<Piece>,
  includeUsage: boolean,
): AsyncGenerator<CompletionChunk, void, undefined> {
  const object = "text_completion";
  const noUsage = includeUsage ? { usage: null } : {};
  const chunk = (choice: CompletionChoice<Reason | null>): CompletionChunk => ({
    ...head,
    object,
    choices: [choice],
    ...noUsage,
  });
  for await (const piece of pieces) {
    switch (piece.kind) {
      case "begin":
        // An empty piece says that the prompt was accepted.
        yield chunk({ index: piece.index, text: "", logprobs: null, finish_reason: null });
        break;
      case "text":
        yield chunk(piece.choice);
        break;
      case "end":
        yield chunk({ index: piece.index, text: "", logprobs: null, finish_reason: piece.reason });
        break;
      case "usage":
        if (includeUsage) yield { ...head, object, choices: [], usage: piece.usage };
    }
  }
}
