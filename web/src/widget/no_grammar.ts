import type { Grammars } from "../grammar/grammar.ts";
import { WindowseatError } from "../runtime/failure.ts";

export { GrammarError } from "../grammar/refuse.ts";

/** In place of the grammar engine in the widget's worker, whose panel asks for text and nothing else: a megabyte less. */
export function openGrammars(): Grammars {
  const message =
    "The widget's engine holds answers to no form; use the npm package windowseat for that.";
  throw new WindowseatError("bad_request", message);
}
