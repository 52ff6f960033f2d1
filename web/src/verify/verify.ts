import { createTokenizer } from "../engine/tokenizer.ts";
import { failureOf } from "../runtime/failure.ts";
import { ENGINE_SCRIPT } from "../site/engine_script.ts";
import { type Commands, createCommands } from "./commands.ts";

/**
 * The page script that Playwright drives: `await windowseat.load(url, {variant, context})` and so on.
 *
 * As the Node driver's commands, and `failure` tells the code of whatever was thrown.
 */
interface PageCommands extends Commands {
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

window.windowseat = {
  ...createCommands(globalThis.navigator?.gpu, () => undefined),
  failure: failureOf,
  engineScript: ENGINE_SCRIPT.href,
  encode: async (url, texts) => {
    const tokenizer = createTokenizer(await (await fetch(url)).text(), null);
    return texts.map(tokenizer.encode);
  },
};
