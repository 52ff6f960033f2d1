import type { ModelSummary } from "../runtime/messages.ts";
import { checkChat, checkCompletion } from "./check.ts";
import type { Client } from "./client.ts";
import { Params } from "./params.ts";
import type { ChatParams, CompletionParams } from "./types.ts";

/** Tokens of a request's prompt, as the model would read it. */
export async function countTokens(
  client: Client,
  model: ModelSummary,
  request: ChatParams | CompletionParams,
): Promise<number> {
  if (new Params(request, null).value("prompt") !== undefined) {
    const { prompt } = checkCompletion(request, model);
    return await client.count({ messages: [], prompt }, "prompt");
  }
  const { messages, calling, thinking } = checkChat(request, model);
  const count = {
    messages,
    ...(calling && { tools: calling.tools }),
    ...(thinking !== undefined && { thinking }),
  };
  return await client.count(count, "messages");
}
