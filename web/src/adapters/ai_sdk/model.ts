import {
  type LanguageModelV4,
  type LanguageModelV4CallOptions,
  type LanguageModelV4FunctionTool,
  type LanguageModelV4ToolChoice,
  type SharedV4Warning,
  UnsupportedFunctionalityError,
} from "@ai-sdk/provider";
import type { WindowseatEngine } from "../../api/engine.ts";
import type { ChatParams, FunctionTool, ResponseFormat, ToolChoice } from "../../api/types.ts";
import { contentOf, finishOf, usageOf } from "./answer.ts";
import { messagesOf } from "./prompt.ts";
import { partsOf } from "./stream.ts";

type Request = Omit<ChatParams, "stream" | "stream_options">;

/**
 * An engine as a language model of Vercel's AI SDK: `generateText({ model: windowseat(engine), prompt })`.
 *
 * What the AI SDK has no name for (`min_p`, `repetition_penalty`, `parallel_tool_calls`, …) goes in
 * `providerOptions.windowseat`, under the names of `engine.chat.completions.create`. A setting that the model cannot honour
 * is a warning of the call where the text is still an answer to it, and an error where it is not.
 */
export function windowseat(engine: Pick<WindowseatEngine, "chat" | "model">): LanguageModelV4 {
  const { completions } = engine.chat;
  return {
    specificationVersion: "v4",
    provider: "windowseat",
    modelId: engine.model.name,
    supportedUrls: {},
    async doGenerate(options) {
      const { request, warnings } = requestOf(options, engine.model.thinks);
      const signal = options.abortSignal;
      const answer = await completions.create({ ...request, stream: false }, { signal });
      const [choice] = answer.choices;
      return {
        content: choice ? contentOf(choice.message) : [],
        finishReason: finishOf(choice?.finish_reason),
        usage: usageOf(answer.usage),
        request: { body: request },
        response: {
          id: answer.id,
          modelId: answer.model,
          timestamp: new Date(answer.created * 1000),
          body: answer,
        },
        warnings,
      };
    },
    async doStream(options) {
      const { request, warnings } = requestOf(options, engine.model.thinks);
      const streamed = {
        ...request,
        stream: true,
        stream_options: { include_usage: true },
      } as const;
      const chunks = await completions.create(streamed, { signal: options.abortSignal });
      const parts = partsOf(chunks, { warnings, raw: options.includeRawChunks ?? false });
      const stream = readable(parts, () => chunks.controller.abort());
      return { stream, request: { body: streamed } };
    },
  };
}

function requestOf(
  options: LanguageModelV4CallOptions,
  thinks: boolean,
): { readonly request: Request; readonly warnings: SharedV4Warning[] } {
  const warnings: SharedV4Warning[] = [];
  const tools = functionsOf(options.tools ?? [], warnings);
  const request: Request = {
    messages: messagesOf(options.prompt),
    max_completion_tokens: options.maxOutputTokens,
    temperature: options.temperature,
    top_p: options.topP,
    top_k: options.topK,
    presence_penalty: options.presencePenalty,
    frequency_penalty: options.frequencyPenalty,
    stop: options.stopSequences,
    seed: options.seed,
    enable_thinking: thinkingOf(options.reasoning, thinks, warnings),
    response_format: formatOf(options.responseFormat),
    ...(tools.length > 0 && {
      tools: tools.map(toolOf),
      tool_choice: choiceOf(options.toolChoice),
    }),
  };
  const own = options.providerOptions?.windowseat;
  checkChoices(own?.n);
  return { request: Object.assign(request, own), warnings };
}

/** The AI SDK takes one answer: the texts of several would come as one. */
function checkChoices(n: unknown): void {
  if (n === undefined || n === null || n === 1) return;
  throw new UnsupportedFunctionalityError({
    functionality: "several choices",
    message: `providerOptions.windowseat.n is ${n}, and a call has one answer; leave it out, and call again for another.`,
  });
}

function functionsOf(
  tools: NonNullable<LanguageModelV4CallOptions["tools"]>,
  warnings: SharedV4Warning[],
): LanguageModelV4FunctionTool[] {
  return tools.filter((tool): tool is LanguageModelV4FunctionTool => {
    if (tool.type === "function") return true;
    warnings.push({ type: "unsupported", feature: `provider-defined tool ${tool.id}` });
    return false;
  });
}

function toolOf({
  name,
  description,
  inputSchema,
  strict,
}: LanguageModelV4FunctionTool): FunctionTool {
  return {
    type: "function",
    function: { name, description, parameters: { ...inputSchema }, strict },
  };
}

function choiceOf(choice: LanguageModelV4ToolChoice = { type: "auto" }): ToolChoice {
  if (choice.type !== "tool") return choice.type;
  return { type: "function", function: { name: choice.toolName } };
}

function formatOf(
  format: LanguageModelV4CallOptions["responseFormat"],
): ResponseFormat | undefined {
  if (format?.type !== "json") return undefined;
  const { schema, name = "answer", description } = format;
  if (!schema) return { type: "json_object" };
  return {
    type: "json_schema",
    json_schema: { name, description, schema: { ...schema }, strict: true },
  };
}

/** A model thinks or does not: more of an effort than that cannot be asked for. */
function thinkingOf(
  effort: LanguageModelV4CallOptions["reasoning"],
  thinks: boolean,
  warnings: SharedV4Warning[],
): boolean | undefined {
  if (effort === undefined || effort === "provider-default") return undefined;
  if (effort === "none") return thinks ? false : undefined;
  warnings.push(
    thinks
      ? {
          type: "compatibility",
          feature: "reasoning",
          details: `The model thinks or does not; it does for "${effort}".`,
        }
      : { type: "unsupported", feature: "reasoning", details: "The model does not think." },
  );
  return thinks ? true : undefined;
}

/** `stop` is called when nobody reads on: it ends a wait that a return would queue behind. */
function readable<T>(
  items: AsyncGenerator<T, void, undefined>,
  stop: () => void,
): ReadableStream<T> {
  return new ReadableStream({
    pull: async (controller) => {
      const { value, done } = await items.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => {
      stop();
      await items.return();
    },
  });
}
