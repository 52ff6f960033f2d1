import type { WindowseatEngine } from "windowseat";

/** Shows a text in one sentence, as it is being written. */
export async function summarise(
  engine: WindowseatEngine,
  text: string,
  show: (summary: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const stream = await engine.chat.completions.create(
    {
      messages: [{ role: "user", content: `Summarise this in one sentence:\n\n${text}` }],
      temperature: 0,
      stream: true,
    },
    { signal },
  );
  let summary = "";
  for await (const { choices } of stream) {
    summary += choices[0]?.delta.content ?? "";
    show(summary);
  }
}
