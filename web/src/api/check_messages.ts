import type { ChatMessage } from "../runtime/messages.ts";
import { refusal } from "./error.ts";
import { Params, wellFormed } from "./params.ts";

const ROLES = ["system", "developer", "user", "assistant", "tool"] as const;
/** What OpenAI and the helpers of its client write into answers, which come back with the next request: the text says it all. */
const SAID_OF_ANSWERS = ["parsed", "parsed_arguments", "annotations"];
const PARTS_REFUSED = "is not text; this model reads text alone.";

/** The messages as the engine takes them; throws for the first thing that is wrong with them. */
export function checkMessages(list: readonly unknown[]): ChatMessage[] {
  if (list.length === 0) {
    throw refusal("invalid_value", "messages", "messages is empty; give at least one message.");
  }
  const messages: ChatMessage[] = [];
  /** Ids of the calls that a tool message may answer here. */
  let open: ReadonlySet<string> = new Set();
  for (const [i, item] of list.entries()) {
    const { message, calls } = checkMessage(new Params(item, `messages[${i}]`), open);
    if (message.role !== "tool") open = new Set(calls);
    messages.push(message);
  }
  return messages;
}

interface Checked {
  readonly message: ChatMessage;
  /** Ids of the calls it makes. */
  readonly calls: readonly string[];
}

function checkMessage(params: Params, open: ReadonlySet<string>): Checked {
  const role = params.required("role", params.oneOf("role", ROLES));
  switch (role) {
    case "system":
    case "developer":
    case "user": {
      const content = params.required("content", readContent(params));
      params.end();
      return { message: { role: role === "developer" ? "system" : role, content }, calls: [] };
    }
    case "assistant":
      return checkAssistant(params);
    case "tool": {
      const content = params.required("content", readContent(params));
      const id = params.required("tool_call_id", params.text("tool_call_id"));
      if (!open.has(id)) {
        params.refuse(
          "tool_call_id",
          "invalid_value",
          `is ${JSON.stringify(id.slice(0, 60))}, and no call before this message has that id; put the assistant's message with the call before it.`,
        );
      }
      params.end();
      return { message: { role, content }, calls: [] };
    }
  }
}

function checkAssistant(params: Params): Checked {
  const content = readContent(params);
  const reasoning = params.text("reasoning_content");
  const calls = (params.list("tool_calls") ?? []).map((item, i) =>
    checkCall(new Params(item, params.path(`tool_calls[${i}]`))),
  );
  if (calls.length === 0) params.required("content", content);
  params.passOver(SAID_OF_ANSWERS);
  params.end();
  const message: ChatMessage = {
    role: "assistant",
    content: content ?? "",
    ...(reasoning !== undefined && { reasoning_content: reasoning }),
    ...(calls.length > 0 && { tool_calls: calls.map(({ call }) => call) }),
  };
  return { message, calls: calls.map(({ id }) => id) };
}

type Call = NonNullable<ChatMessage["tool_calls"]>[number];

function checkCall(params: Params): { readonly id: string; readonly call: Call } {
  const id = params.required("id", params.text("id"));
  params.required("type", params.oneOf("type", ["function"]));
  const called = params.required("function", params.object("function"));
  const name = called.required("name", called.text("name"));
  const text = called.required("arguments", called.text("arguments"));
  called.passOver(SAID_OF_ANSWERS);
  params.end();
  called.end();
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return { id, call: { type: "function", function: { name, arguments: { ...value } } } };
    }
  } catch {
    // Said below, as for JSON that is no object.
  }
  return called.refuse(
    "arguments",
    "invalid_value",
    "is not a JSON object as text; give one, `{}` for no arguments.",
  );
}

/** Text parts are put together as they stand. */
function readContent(params: Params): string | undefined {
  const value = params.value("content");
  if (!Array.isArray(value)) return params.text("content");
  return value
    .map((item: unknown, i) => {
      const part = new Params(item, params.path(`content[${i}]`));
      if (part.value("type") !== "text") part.refuse("type", "unsupported_value", PARTS_REFUSED);
      const text = part.required("text", part.text("text"));
      part.end();
      return text;
    })
    .join("");
}

/** Ids or a text; an empty one is the engine's to refuse, which knows what is in it. */
export function checkPrompt(params: Params, vocabulary: number): string | readonly number[] {
  const value = params.required("prompt", params.value("prompt"));
  if (typeof value === "string") return wellFormed(value, "prompt");
  const ids = params.list("prompt") ?? [];
  return ids.map((id, i) => {
    if (typeof id === "number" && Number.isInteger(id) && id >= 0 && id < vocabulary) return id;
    const need = `give one text, or the ids of its tokens, 0 to ${vocabulary - 1}`;
    throw refusal(
      "invalid_value",
      "prompt",
      `prompt[${i}] is ${JSON.stringify(id)?.slice(0, 60)}; ${need}.`,
    );
  });
}
