import type { AnswerForm, ChatMessage, ModelSummary, Sampling } from "../runtime/messages.ts";
import { checkFormat } from "./check_format.ts";
import { checkMessages, checkPrompt } from "./check_messages.ts";
import { type CheckedTools, checkTools } from "./check_tools.ts";
import { Params } from "./params.ts";

const MOST_CHOICES = 16;
const MOST_STOPS = 4;
const LONGEST_STOP = 1000;
const MOST_BIAS = 100;
const MOST_LOGPROBS = 20;
const COMPLETION_TOKENS = 16;

/** A request that makes sense for the model, in the engine's terms. */
export interface Checked {
  readonly sampling: Omit<Sampling, "seed">;
  /** Undefined: any. */
  readonly seed: number | undefined;
  readonly n: number;
  readonly stop: readonly string[];
  readonly maxTokens: number | undefined;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

export interface CheckedChat extends Checked {
  readonly messages: readonly ChatMessage[];
  readonly calling: CheckedTools | undefined;
  /** Undefined: any text. */
  readonly form: AnswerForm | undefined;
  readonly thinking: boolean | undefined;
}

export interface CheckedCompletion extends Checked {
  readonly prompt: string | readonly number[];
}

export function checkChat(request: unknown, model: ModelSummary): CheckedChat {
  const params = new Params(request, null);
  const list = params.required("messages", params.list("messages"));
  const messages = checkMessages(list);
  const wanted = params.flag("logprobs") ?? false;
  const top = params.integer("top_logprobs", 0, MOST_LOGPROBS);
  if (top !== undefined && !wanted) {
    params.refuse("top_logprobs", "invalid_value", "needs logprobs; set logprobs to true as well.");
  }
  const shared = checkShared(params, model, wanted ? (top ?? 0) : undefined);
  const most = params.integer("max_completion_tokens", 1, Number.MAX_SAFE_INTEGER);
  const older = params.integer("max_tokens", 1, Number.MAX_SAFE_INTEGER);
  if (most !== undefined && older !== undefined) {
    params.refuse(
      "max_tokens",
      "invalid_value",
      "is another name of max_completion_tokens; give one of them.",
    );
  }
  const form = checkFormat(params);
  const thinking = params.flag("enable_thinking");
  if (thinking !== undefined && !model.thinks) {
    params.refuse(
      "enable_thinking",
      "unsupported_parameter",
      `is not in the chat template of ${model.name}; leave it out.`,
    );
  }
  const calling = checkTools(params, model);
  if (form && calling) {
    params.refuse(
      "response_format",
      "unsupported_value",
      'cannot be held to while the model may call tools; set tool_choice to "none", or leave one of them out.',
    );
  }
  params.end();
  return { ...shared, calling, form, messages, maxTokens: most ?? older, thinking };
}

export function checkCompletion(request: unknown, model: ModelSummary): CheckedCompletion {
  const params = new Params(request, null);
  const prompt = checkPrompt(params, model.vocabulary);
  const maxTokens = params.integer("max_tokens", 1, Number.MAX_SAFE_INTEGER) ?? COMPLETION_TOKENS;
  const shared = checkShared(params, model, params.integer("logprobs", 0, MOST_LOGPROBS));
  params.end();
  return { ...shared, prompt, maxTokens };
}

function checkShared(
  params: Params,
  model: ModelSummary,
  logprobs: number | undefined,
): Omit<Checked, "maxTokens"> {
  const name = params.text("model");
  if (name !== undefined && name !== model.name) {
    params.refuse(
      "model",
      "model_not_found",
      `is ${JSON.stringify(name.slice(0, 60))} and this engine has ${model.name}; ask for that, or load the other one.`,
      404,
    );
  }
  const bias = checkBias(params, model.vocabulary);
  const sampling = {
    temperature: params.number("temperature", 0, 2) ?? 1,
    top_p: params.number("top_p", Number.MIN_VALUE, 1, "a number over 0, up to 1") ?? 1,
    top_k: params.integer("top_k", 0, 2 ** 31 - 1) ?? 0,
    min_p: params.number("min_p", 0, 1) ?? 0,
    repetition_penalty:
      params.number("repetition_penalty", Number.MIN_VALUE, 100, "a number over 0, up to 100") ?? 1,
    presence_penalty: params.number("presence_penalty", -2, 2) ?? 0,
    frequency_penalty: params.number("frequency_penalty", -2, 2) ?? 0,
    ...(bias && { logit_bias: bias }),
    ...(logprobs !== undefined && { logprobs }),
  };
  const stream = params.flag("stream") ?? false;
  const options = params.object("stream_options");
  if (options && !stream) {
    params.refuse("stream_options", "invalid_value", "needs a stream; set stream to true as well.");
  }
  const includeUsage = options?.flag("include_usage") ?? false;
  options?.end();
  return {
    sampling,
    seed: params.integer("seed", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    n: params.integer("n", 1, MOST_CHOICES) ?? 1,
    stop: checkStop(params),
    stream,
    includeUsage,
  };
}

function checkStop(params: Params): readonly string[] {
  const value = params.value("stop");
  const one = typeof value === "string";
  const list = one ? [value] : (params.list("stop") ?? []);
  if (list.length > MOST_STOPS) {
    params.refuse("stop", "invalid_value", `has ${list.length} texts; give ${MOST_STOPS} at most.`);
  }
  return list.map((item, i) => {
    const name = one ? "stop" : `stop[${i}]`;
    const text = new Params({ [name]: item }, null).text(name) ?? "";
    if (text.length >= 1 && text.length <= LONGEST_STOP) return text;
    return params.refuse(
      name,
      "invalid_value",
      `has ${text.length} characters; give 1 to ${LONGEST_STOP}.`,
    );
  });
}

function checkBias(params: Params, vocabulary: number): Record<number, number> | undefined {
  const value = params.value("logit_bias");
  if (value === undefined) return undefined;
  const biases = new Params(value, "logit_bias");
  const ids = biases.names().map((id) => {
    if (/^\d+$/.test(id) && Number(id) < vocabulary) return Number(id);
    return params.refuse(
      "logit_bias",
      "invalid_value",
      `names the token ${id.slice(0, 60)}; give ids from 0 to ${vocabulary - 1}.`,
    );
  });
  return Object.fromEntries(
    ids.map((id) => [id, biases.number(String(id), -MOST_BIAS, MOST_BIAS) ?? 0]),
  );
}
