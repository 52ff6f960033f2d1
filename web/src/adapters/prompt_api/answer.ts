import type { Session } from "../../api/session.ts";
import type { ChatParams, FinishReason, Message, ToolCall, Usage } from "../../api/types.ts";
import { isJson } from "../is_json.ts";

/** What one request came to. */
export interface Answer {
  readonly message: Extract<Message, { readonly role: "assistant" }> & {
    readonly tool_calls: readonly ToolCall[];
  };
  readonly finish: FinishReason | null;
  readonly usage: Usage;
}

/** Gives the pieces of an answer's text as they come, and at the end the whole message. */
export async function* answerOf(
  conversation: Session,
  params: Omit<ChatParams, "stream" | "stream_options">,
  signal: AbortSignal,
): AsyncGenerator<string, Answer, undefined> {
  const chunks = await conversation.chat.completions.create(
    { ...params, stream: true, stream_options: { include_usage: true } },
    { signal },
  );
  let content = "";
  let finish: FinishReason | null = null;
  let usage: Usage | null | undefined;
  const calls: { readonly id: string; readonly name: string; readonly given: string }[] = [];
  for await (const chunk of chunks) {
    usage = chunk.usage ?? usage;
    for (const { delta, finish_reason: reason } of chunk.choices) {
      finish = reason ?? finish;
      for (const {
        index,
        id = "",
        function: { name = "", arguments: more },
      } of delta.tool_calls ?? []) {
        const call = calls[index] ?? { id, name, given: "" };
        calls[index] = { ...call, given: call.given + more };
      }
      if (!delta.content) continue;
      content += delta.content;
      yield delta.content;
    }
  }
  if (!usage) throw new Error("The stream ended without its usage.");
  const tool_calls = calls
    .filter(({ given }) => isJson(given))
    .map(
      ({ id, name, given }): ToolCall => ({
        id,
        type: "function",
        function: { name, arguments: given },
      }),
    );
  return { message: { role: "assistant", content, tool_calls }, finish, usage };
}
