import type {
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  SharedV4Warning,
} from "@ai-sdk/provider";
import type { ChatChunk, ToolCallDelta, Usage } from "../../api/types.ts";
import { isJson } from "../is_json.ts";
import { finishOf, usageOf } from "./answer.ts";

type Part = LanguageModelV4StreamPart;

interface PartsOptions {
  readonly warnings: SharedV4Warning[];
  /** Whether each chunk is told of as it came as well. */
  readonly raw: boolean;
}

/** A stream of OpenAI's as one of the AI SDK's: blocks of reasoning, text and calls that begin and end. */
export async function* partsOf(
  chunks: AsyncIterable<ChatChunk>,
  { warnings, raw }: PartsOptions,
): AsyncGenerator<Part, void, undefined> {
  yield { type: "stream-start", warnings };
  const blocks = new Blocks();
  let finishReason: LanguageModelV4FinishReason = finishOf(undefined);
  let usage: Usage | null | undefined;
  let begun = false;
  for await (const chunk of chunks) {
    if (raw) yield { type: "raw", rawValue: chunk };
    if (!begun) {
      const timestamp = new Date(chunk.created * 1000);
      yield { type: "response-metadata", id: chunk.id, modelId: chunk.model, timestamp };
      begun = true;
    }
    usage = chunk.usage ?? usage;
    for (const { delta, finish_reason: reason } of chunk.choices) {
      yield* blocks.text("reasoning", delta.reasoning_content ?? "");
      yield* blocks.text("text", delta.content ?? "");
      for (const piece of delta.tool_calls ?? []) yield* blocks.call(piece);
      if (reason !== null) finishReason = finishOf(reason);
    }
  }
  yield* blocks.end();
  if (!usage) throw new Error("The stream ended without its usage.");
  yield { type: "finish", finishReason, usage: usageOf(usage) };
}

type Block =
  | { readonly kind: "reasoning" | "text"; readonly id: string }
  | { readonly kind: "call"; readonly id: string; readonly name: string; input: string };

/** The block that is open; another one closes it. */
class Blocks {
  #open: Block | null = null;
  #count = 0;

  *text(kind: "reasoning" | "text", delta: string): Generator<Part> {
    if (delta === "") return;
    if (this.#open?.kind !== kind) {
      yield* this.end();
      this.#count += 1;
      this.#open = { kind, id: String(this.#count) };
      yield { type: `${kind}-start`, id: this.#open.id };
    }
    yield { type: `${kind}-delta`, id: this.#open.id, delta };
  }

  *call({ id, function: { name, arguments: delta } }: ToolCallDelta): Generator<Part> {
    if (id !== undefined && name !== undefined) {
      yield* this.end();
      this.#open = { kind: "call", id, name, input: "" };
      yield { type: "tool-input-start", id, toolName: name };
    }
    if (delta === "" || this.#open?.kind !== "call") return;
    this.#open.input += delta;
    yield { type: "tool-input-delta", id: this.#open.id, delta };
  }

  *end(): Generator<Part> {
    const block = this.#open;
    this.#open = null;
    if (!block) return;
    if (block.kind !== "call") return yield { type: `${block.kind}-end`, id: block.id };
    yield { type: "tool-input-end", id: block.id };
    // A call that broke off comes again as text.
    if (!isJson(block.input)) return;
    yield { type: "tool-call", toolCallId: block.id, toolName: block.name, input: block.input };
  }
}
