import type { FunctionTool, Message, WindowseatEngine } from "windowseat";

const tools: FunctionTool[] = [
  {
    type: "function",
    function: {
      name: "get_weather",
      parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    },
  },
];

/** Stands for your own function; this one looks out of no window. */
const getWeather = (): string => '{"temperature": 18, "sky": "sunny"}';

/** Lets the model call a function of the page, and shows the call and what the model says after it. */
export async function weather(
  engine: WindowseatEngine,
  question: string,
  show: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const messages: Message[] = [{ role: "user", content: question }];
  const asked = await engine.chat.completions.create(
    { messages, tools, temperature: 0 },
    { signal },
  );
  const message = asked.choices[0]?.message;
  if (message?.tool_calls === undefined) return show(message?.content ?? "");

  messages.push(message);
  let shown = "";
  for (const { id, function: called } of message.tool_calls) {
    shown += `${called.name}(${called.arguments})\n`;
    messages.push({ role: "tool", tool_call_id: id, content: getWeather() });
  }
  show(shown);
  const told = await engine.chat.completions.create(
    { messages, tools, temperature: 0 },
    { signal },
  );
  show(`${shown}\n${told.choices[0]?.message.content ?? ""}`);
}
