import type { ModelSummary } from "../runtime/messages.ts";
import { checkChat } from "./check.ts";
import { generateChoices } from "./choices.ts";
import { collectChat, streamChat } from "./chunks.ts";
import type { Answering } from "./client.ts";
import { createHead } from "./head.ts";
import { begun, follow, Stream } from "./stream.ts";
import type { ChatChunk, ChatCompletion, ChatParams, RequestOptions } from "./types.ts";

/** `engine.chat.completions`. */
export class ChatCompletions {
  readonly #client: Answering;
  readonly #model: ModelSummary;

  constructor(client: Answering, model: ModelSummary) {
    this.#client = client;
    this.#model = model;
  }

  /**
   * Answers a conversation. Requests queue in order; a stream is given once the prompt has been accepted. Throws an
   * `ApiError` for a request that is wrong, and the signal's reason for one that was ended.
   */
  create(
    params: ChatParams & { readonly stream: true },
    options?: RequestOptions,
  ): Promise<Stream<ChatChunk>>;
  create(
    params: ChatParams & { readonly stream?: false | null | undefined },
    options?: RequestOptions,
  ): Promise<ChatCompletion>;
  create(params: ChatParams, options?: RequestOptions): Promise<ChatCompletion | Stream<ChatChunk>>;
  async create(
    params: ChatParams,
    options: RequestOptions = {},
  ): Promise<ChatCompletion | Stream<ChatChunk>> {
    const checked = checkChat(params, this.#model);
    const { messages, calling, form, thinking, stop, maxTokens, includeUsage } = checked;
    const request = {
      messages,
      stop,
      ...calling,
      ...(form && { form }),
      ...(thinking !== undefined && { thinking }),
      ...(maxTokens !== undefined && { maxTokens }),
    };
    const head = createHead("chatcmpl", this.#model);
    const logprobs = checked.sampling.logprobs !== undefined;
    const { controller, signal } = follow(options.signal);
    const events = generateChoices(this.#client, checked, request, signal, "messages");
    if (!checked.stream) return await collectChat(head, events, logprobs);
    const chunks = streamChat(head, events, { logprobs, includeUsage });
    return new Stream(await begun(chunks), controller);
  }
}
