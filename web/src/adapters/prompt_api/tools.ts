import type { FunctionTool, Message, ToolCall } from "../../api/types.ts";
import type { PromptTool } from "./types.ts";

/** A session's tools as OpenAI's. */
export function functionsOf(tools: readonly PromptTool[]): FunctionTool[] {
  return tools.map(({ name, description, inputSchema }) => ({
    type: "function",
    function: { name, description, parameters: { ...inputSchema } },
  }));
}

/** The results of calls, side by side; what one of them throws, the prompt throws. */
export function callTools(
  tools: readonly PromptTool[],
  calls: readonly ToolCall[],
): Promise<Message[]> {
  return Promise.all(
    calls.map(async ({ id, function: { name, arguments: text } }): Promise<Message> => {
      const tool = tools.find((each) => each.name === name);
      if (!tool) throw new Error(`The model called ${name}, which is no tool of the session.`);
      return {
        role: "tool",
        tool_call_id: id,
        content: String(await tool.execute(JSON.parse(text))),
      };
    }),
  );
}
