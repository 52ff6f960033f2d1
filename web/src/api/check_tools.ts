import type { GenerateRequest, ModelSummary } from "../runtime/messages.ts";
import { asJson, NAME, Params } from "./params.ts";

/** What the engine hears of the tools. */
export type CheckedTools = Required<Pick<GenerateRequest, "tools" | "toolCalls">> &
  Pick<GenerateRequest, "mustCall">;

/** The functions that may be called, and whether one has to be; undefined where the model hears of none. */
export function checkTools(params: Params, model: ModelSummary): CheckedTools | undefined {
  const list = params.list("tools") ?? [];
  const many = params.flag("parallel_tool_calls") ?? true;
  const names = list.map((item, i) => checkTool(new Params(item, `tools[${i}]`)));
  const choice = checkChoice(params, names);
  if (list.length === 0) {
    if (choice !== undefined && choice !== "none") {
      params.refuse("tool_choice", "invalid_value", "needs tools; give some.");
    }
    return undefined;
  }
  if (model.toolCalls === null) {
    params.refuse(
      "tools",
      "unsupported_parameter",
      `cannot be used: the chat template of ${model.name} has no calls in a form that is known; leave them out.`,
    );
  }
  if (choice === "none") return undefined;
  const tools = list.map((item, i) => asJson(item, `tools[${i}]`));
  const mustCall = choice === "required" ? "any" : choice === "auto" ? undefined : choice;
  return { tools, toolCalls: many ? "many" : "one", ...(mustCall && { mustCall }) };
}

type Choice = "auto" | "none" | "required" | { readonly name: string };

function checkChoice(params: Params, names: readonly string[]): Choice | undefined {
  if (typeof params.value("tool_choice") !== "object") {
    return params.oneOf("tool_choice", ["auto", "none", "required"]);
  }
  const choice = params.object("tool_choice");
  if (!choice) return undefined;
  choice.required("type", choice.oneOf("type", ["function"]));
  const called = choice.required("function", choice.object("function"));
  const name = called.required("name", called.text("name"));
  called.end();
  choice.end();
  if (names.length > 0 && !names.includes(name)) {
    called.refuse(
      "name",
      "invalid_value",
      `is ${JSON.stringify(name.slice(0, 60))}, which is none of the tools; name one of them.`,
    );
  }
  return { name };
}

/** Gives the function's name. */
function checkTool(tool: Params): string {
  tool.required("type", tool.oneOf("type", ["function"]));
  const called = tool.required("function", tool.object("function"));
  const name = called.required("name", called.text("name"));
  if (!NAME.test(name)) {
    called.refuse(
      "name",
      "invalid_value",
      `is ${JSON.stringify(name.slice(0, 60))}; give 1 to 64 letters, digits, "_", "-" and ".".`,
    );
  }
  called.text("description");
  called.object("parameters");
  called.flag("strict");
  called.end();
  tool.end();
  return name;
}
