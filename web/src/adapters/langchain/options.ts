import type { ChatParams } from "../../api/types.ts";

/** The parameters of `engine.chat.completions.create` that LangChain does not give itself. */
export type Settings = Omit<
  ChatParams,
  "messages" | "stream" | "stream_options" | "n" | "stop" | "tools" | "tool_choice"
>;

/** Whatever of an option's names the engine knows; a parameter of its own that is not here does not compile. */
const PARAMETERS: Readonly<Record<keyof Settings | "stop", true>> = {
  model: true,
  temperature: true,
  top_p: true,
  top_k: true,
  min_p: true,
  presence_penalty: true,
  frequency_penalty: true,
  repetition_penalty: true,
  logit_bias: true,
  seed: true,
  stop: true,
  max_completion_tokens: true,
  max_tokens: true,
  logprobs: true,
  top_logprobs: true,
  response_format: true,
  parallel_tool_calls: true,
  enable_thinking: true,
};

/**
 * What a call's options say to the engine. Graphs and agents hand on whatever else they carry (a writer, a store, another
 * maker's parameters), under names that no list can keep up with.
 */
export function parametersOf(options: object): Pick<ChatParams, keyof typeof PARAMETERS> {
  const known = Object.entries(options).filter(([name]) => Object.hasOwn(PARAMETERS, name));
  return Object.fromEntries(known);
}
