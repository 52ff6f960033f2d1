import { createTokenizer } from "../engine/tokenizer.ts";
import { failureOf } from "../runtime/failure.ts";
import type { FromEngine, GenerateRequest } from "../runtime/messages.ts";
import { ENGINE_SCRIPT } from "../site/engine_script.ts";
import { type Commands, createCommands } from "./commands.ts";

/**
 * The page script that Playwright drives: `await windowseat.load(url, {variant, context})` and so on.
 *
 * As the Node driver's commands, but `generate` gives all of its messages at once, and `failure` tells the code of
 * whatever was thrown.
 */
interface PageCommands extends Omit<Commands, "generate"> {
  readonly generate: (request: GenerateRequest) => Promise<FromEngine[]>;
  readonly failure: typeof failureOf;
  /** Address of the script of the engine's worker. */
  readonly engineScript: string;
  /** The ids of each text, by the tokenizer.json at `url`. */
  readonly encode: (url: string, texts: readonly string[]) => Promise<number[][]>;
}

declare global {
  interface Window {
    windowseat: PageCommands;
  }
}

const commands = createCommands(globalThis.navigator?.gpu, () => undefined);

window.windowseat = {
  ...commands,
  generate: async (request) => {
    const messages: FromEngine[] = [];
    await commands.generate(request, (message) => messages.push(message));
    return messages;
  },
  failure: failureOf,
  engineScript: ENGINE_SCRIPT.href,
  encode: async (url, texts) => {
    const tokenizer = createTokenizer(await (await fetch(url)).text(), null);
    return texts.map(tokenizer.encode);
  },
};
