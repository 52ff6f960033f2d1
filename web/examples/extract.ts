import type { WindowseatEngine } from "windowseat";

const schema = {
  type: "object",
  properties: {
    name: { type: "string" },
    age: { type: "integer" },
    city: { type: "string" },
  },
  required: ["name", "age", "city"],
  additionalProperties: false,
};

/** Shows the facts of a sentence as JSON that a program can read. */
export async function extract(
  engine: WindowseatEngine,
  text: string,
  show: (json: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const answer = await engine.chat.completions.create(
    {
      messages: [{ role: "user", content: `Turn this into JSON: ${text}` }],
      response_format: { type: "json_schema", json_schema: { name: "person", schema } },
      temperature: 0,
    },
    { signal },
  );
  const found: unknown = JSON.parse(answer.choices[0]?.message.content ?? "");
  show(JSON.stringify(found, null, 2));
}
