import type { WindowseatEngine } from "windowseat";

/** Shows what a few words are in another language. */
export async function translate(
  engine: WindowseatEngine,
  text: string,
  language: string,
  show: (translation: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const stream = await engine.chat.completions.create(
    {
      messages: [{ role: "user", content: `Say ${text} in ${language}.` }],
      temperature: 0,
      stream: true,
    },
    { signal },
  );
  let translation = "";
  for await (const { choices } of stream) {
    translation += choices[0]?.delta.content ?? "";
    show(translation);
  }
}
