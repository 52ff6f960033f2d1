import type {
  BaseLanguageModelInput,
  StructuredOutputMethodOptions,
} from "@langchain/core/language_models/base";
import {
  assembleStructuredOutputPipeline,
  createContentParser,
  createFunctionCallingParser,
} from "@langchain/core/language_models/structured_output";
import type { BaseMessage } from "@langchain/core/messages";
import type { BaseLLMOutputParser } from "@langchain/core/output_parsers";
import type { Runnable } from "@langchain/core/runnables";
import { toJsonSchema } from "@langchain/core/utils/json_schema";
import type { SerializableSchema } from "@langchain/core/utils/standard_schema";
import { getSchemaDescription, type InteropZodType } from "@langchain/core/utils/types";
import type { ChatWindowseat, ChatWindowseatCallOptions } from "./chat_model.ts";

/** A schema of Zod or of another library, or a JSON Schema. */
export type OutputSchema<Output> =
  | InteropZodType<Output>
  | SerializableSchema<Output>
  | Record<string, unknown>;

/** What comes of an answer; beside the message itself with `includeRaw`, and then null where it cannot be read. */
export type Structured<Output> =
  | Runnable<BaseLanguageModelInput, Output>
  | Runnable<BaseLanguageModelInput, { raw: BaseMessage; parsed: Output }>;

/** The model held to a schema, its answers read. LangChain's own way holds a model to nothing. */
export function structuredOutput<Output extends Record<string, unknown>>(
  model: ChatWindowseat,
  schema: OutputSchema<Output>,
  options: StructuredOutputMethodOptions<boolean>,
): Structured<Output> {
  const { name = "extract", method = "jsonSchema", includeRaw = false, strict = true } = options;
  const described = { name, description: getSchemaDescription(schema), strict };
  const json = { ...toJsonSchema(schema) };
  const inText = createContentParser(schema);
  const pipe = (
    asked: Partial<ChatWindowseatCallOptions>,
    parser: BaseLLMOutputParser<Output> = inText,
  ) => assembleStructuredOutputPipeline(model.withConfig(asked), parser, includeRaw);
  switch (method) {
    case "jsonSchema": {
      const json_schema = { ...described, schema: json };
      return pipe({ response_format: { type: "json_schema", json_schema } });
    }
    case "jsonMode":
      return pipe({ response_format: { type: "json_object" } });
    case "functionCalling": {
      const tools = [{ type: "function", function: { ...described, parameters: json } }];
      const call = { tools, tool_choice: name, parallel_tool_calls: false };
      return pipe(call, createFunctionCallingParser(schema, name));
    }
    default:
      throw new TypeError(
        `There is no method ${method}; give jsonSchema, functionCalling or jsonMode.`,
      );
  }
}
