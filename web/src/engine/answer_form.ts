import type { Form } from "../grammar/grammar.ts";
import { member } from "../grammar/member.ts";
import type { GenerateRequest } from "../runtime/messages.ts";
import type { CallForm } from "./tool_calls.ts";

/** What a request's answer has to be in the grammar engine's terms; null for any text. */
export function formOf(request: GenerateRequest, callForm: CallForm | null): Form | null {
  if (request.form) return request.form;
  const { tools = [], toolCalls, mustCall } = request;
  if (!toolCalls || callForm === null) return null;
  const functions = tools.map((tool, i) => functionOf(tool, `tools[${i}].function.parameters`));
  // Nothing holds calls that may be left out, but where a schema does.
  if (mustCall === undefined && !functions.some(({ strict }) => strict)) return null;
  const offered =
    typeof mustCall === "object"
      ? functions.filter(({ name }) => name === mustCall.name)
      : functions;
  return {
    place: "tools",
    kind: "calls",
    form: callForm,
    functions: offered,
    text: mustCall === undefined,
    many: toolCalls === "many" && typeof mustCall !== "object",
  };
}

/** A function in OpenAI's form; one without parameters has no arguments. */
function functionOf(tool: unknown, place: string) {
  const called = member(tool, "function");
  const parameters = member(called, "parameters") ?? { type: "object", properties: {} };
  const name = String(member(called, "name"));
  return { name, parameters, strict: member(called, "strict") === true, place };
}
