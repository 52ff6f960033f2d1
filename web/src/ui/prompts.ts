import { button, part } from "./parts.ts";

/** Offers things to ask first. */
export function offerPrompts(prompts: readonly string[], ask: (prompt: string) => void): void {
  const buttons = prompts.map((prompt) => {
    const made = button("prompt", prompt, () => ask(prompt));
    made.dir = "auto";
    return made;
  });
  part("prompts", HTMLElement).replaceChildren(...buttons);
}
