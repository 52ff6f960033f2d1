import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import type {
  BaseLanguageModelInput,
  StructuredOutputMethodOptions,
} from "@langchain/core/language_models/base";
import {
  BaseChatModel,
  type BaseChatModelCallOptions,
  type BaseChatModelParams,
  type BindToolsInput,
} from "@langchain/core/language_models/chat_models";
import type { ChatModelStreamEvent } from "@langchain/core/language_models/event";
import { convertOpenAICompletionsStream } from "@langchain/core/language_models/openai_completions_stream";
import type {
  AIMessageChunk,
  BaseMessage,
  StandardMessageStructure,
} from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import type { Runnable } from "@langchain/core/runnables";
import { convertToOpenAITool } from "@langchain/core/utils/function_calling";
import type { WindowseatEngine } from "../../api/engine.ts";
import type { Stream } from "../../api/stream.ts";
import type { ChatChunk, ChatParams, ToolChoice } from "../../api/types.ts";
import { answerPiece, wholeAnswer } from "./answer.ts";
import { parametersOf, type Settings } from "./options.ts";
import { messagesOf } from "./prompt.ts";
import { type OutputSchema, type Structured, structuredOutput } from "./structured_output.ts";

/** What a chat model is made of. */
export interface ChatWindowseatFields extends BaseChatModelParams {
  readonly engine: Pick<WindowseatEngine, "chat" | "model">;
  /** For every call that does not give its own: `{ temperature: 0, max_completion_tokens: 100 }`. */
  readonly settings?: Settings;
}

/** What one call may give: `stop`, `tools`, `tool_choice`, `signal`, and whatever `settings` may hold. */
export interface ChatWindowseatCallOptions extends BaseChatModelCallOptions, Settings {
  readonly tools?: BindToolsInput[];
}

/** With the types of usage and calls, which LangChain's own default leaves out. */
type Answer = AIMessageChunk<StandardMessageStructure>;

/** An engine as a chat model of LangChain.js. Thinking is in `additional_kwargs.reasoning_content`. */
export class ChatWindowseat extends BaseChatModel<ChatWindowseatCallOptions, Answer> {
  readonly #engine: Pick<WindowseatEngine, "chat" | "model">;
  readonly #settings: Settings;

  static lc_name(): string {
    return "ChatWindowseat";
  }

  constructor({ engine, settings = {}, ...fields }: ChatWindowseatFields) {
    super(fields);
    this.#engine = engine;
    this.#settings = settings;
  }

  _llmType(): string {
    return "windowseat";
  }

  override _identifyingParams(): Record<string, unknown> {
    return { model: this.#engine.model.name, ...this.#settings };
  }

  /** Everything that a call asks for, under OpenAI's names; of `settings`, what nobody knows is the engine's to refuse. */
  override invocationParams(
    options: Partial<ChatWindowseatCallOptions> = {},
  ): Omit<ChatParams, "messages" | "stream"> {
    const { tools, tool_choice: choice } = options;
    return {
      ...this.#settings,
      ...parametersOf(options),
      ...(tools && { tools: tools.map((tool) => convertToOpenAITool(tool)) }),
      ...(choice !== undefined && { tool_choice: choiceOf(choice) }),
    };
  }

  override bindTools(
    tools: BindToolsInput[],
    options: Partial<ChatWindowseatCallOptions> = {},
  ): Runnable<BaseLanguageModelInput, Answer, ChatWindowseatCallOptions> {
    return this.withConfig({ ...options, tools });
  }

  /** Answers held to a schema: as JSON unless `method` is `functionCalling`, where they are the arguments of a call. */
  override withStructuredOutput<Output extends Record<string, unknown>>(
    schema: OutputSchema<Output>,
    options?: StructuredOutputMethodOptions<false>,
  ): Runnable<BaseLanguageModelInput, Output>;
  override withStructuredOutput<Output extends Record<string, unknown>>(
    schema: OutputSchema<Output>,
    options?: StructuredOutputMethodOptions<true>,
  ): Runnable<BaseLanguageModelInput, { raw: BaseMessage; parsed: Output }>;
  override withStructuredOutput<Output extends Record<string, unknown>>(
    schema: OutputSchema<Output>,
    options: StructuredOutputMethodOptions<boolean> = {},
  ): Structured<Output> {
    return structuredOutput(this, schema, options);
  }

  async _generate(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
  ): Promise<ChatResult> {
    const request = { ...this.invocationParams(options), messages: messagesOf(messages) };
    const answer = await this.#engine.chat.completions.create(
      { ...request, stream: false },
      { signal: options.signal },
    );
    const generations = answer.choices.map((choice) => ({
      text: choice.message.content ?? "",
      message: wholeAnswer(answer, choice),
      generationInfo: { finish_reason: choice.finish_reason },
    }));
    return { generations };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    for await (const chunk of await this.#stream(messages, options)) {
      const text = chunk.choices[0]?.delta.content ?? "";
      const generation = new ChatGenerationChunk({ text, message: answerPiece(chunk) });
      yield generation;
      const at = { prompt: 0, completion: 0 };
      await runManager?.handleLLMNewToken(text, at, undefined, undefined, undefined, {
        chunk: generation,
      });
    }
  }

  override async *_streamChatModelEvents(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
  ): AsyncGenerator<ChatModelStreamEvent> {
    const chunks = await this.#stream(messages, options);
    yield* convertOpenAICompletionsStream(chunks, { provider: "windowseat" });
  }

  #stream(messages: BaseMessage[], options: this["ParsedCallOptions"]): Promise<Stream<ChatChunk>> {
    const request = { ...this.invocationParams(options), messages: messagesOf(messages) };
    return this.#engine.chat.completions.create(
      { ...request, stream: true, stream_options: { include_usage: true } },
      { signal: options.signal },
    );
  }
}

/** LangChain says `any` for `required`, and names a tool by its name alone. */
function choiceOf(choice: NonNullable<ChatWindowseatCallOptions["tool_choice"]>): ToolChoice {
  if (typeof choice !== "string")
    return { ...choice, type: choice.type, function: choice.function };
  if (choice === "any") return "required";
  if (choice === "auto" || choice === "none" || choice === "required") return choice;
  return { type: "function", function: { name: choice } };
}
