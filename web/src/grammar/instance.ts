import { createXGrammar, type GrammarMatcher } from "xgrammar-instances";

/** What tokens stand for. */
export interface Vocabulary {
  /** Ids are below it. */
  readonly size: number;
  readonly stopTokens: readonly number[];
  /** The bytes of a token's text; none for one that is no text, which is never allowed. */
  readonly bytes: (id: number) => Uint8Array;
}

/** XGrammar with a vocabulary. */
export interface Instance {
  /** Throws a BrokenGrammar for one that it cannot read; that is then the end of the instance. */
  readonly compile: (ebnf: string) => Promise<Compiled>;
}

/** A grammar with its masks over a vocabulary. */
export interface Compiled {
  readonly match: () => Promise<GrammarMatcher>;
  readonly dispose: () => void;
}

/** What XGrammar says is wrong with a grammar. */
export class BrokenGrammar extends Error {}

/** Takes a second for a quarter of a million tokens. */
export async function openInstance({ size, stopTokens, bytes }: Vocabulary): Promise<Instance> {
  const { xgrammar, saying } = listen();
  return await saying(async () => {
    const tokens = Array.from({ length: size }, (_, id) => bytes(id));
    const info = await xgrammar.TokenizerInfo.createTokenizerInfo(
      tokens,
      "raw",
      false,
      size,
      stopTokens,
    );
    const compiler = await xgrammar.GrammarCompiler.createGrammarCompiler(info, false);
    const compile = (ebnf: string): Promise<Compiled> =>
      saying(async () => {
        const compiled = await compiler.compileGrammar(ebnf);
        return {
          match: () => xgrammar.GrammarMatcher.createGrammarMatcher(compiled),
          dispose: compiled.dispose.bind(compiled),
        };
      });
    return { compile };
  });
}

/** Throws a BrokenGrammar for a grammar that cannot be read, at the cost of an instance that serves for nothing else. */
export async function checkGrammar(ebnf: string): Promise<void> {
  const { xgrammar, saying } = listen();
  await saying(() => xgrammar.Grammar.fromEBNF(ebnf));
}

/** A new instance, and what makes an error of the last thing that it says before it breaks. */
function listen() {
  const said: string[] = [];
  const hear = (...words: readonly unknown[]): void => {
    said.push(words.join(" "));
  };
  const xgrammar = createXGrammar({ log: hear, error: hear });
  const saying = async <T>(step: () => Promise<T>): Promise<T> => {
    try {
      return await step();
    } catch (error) {
      const fatal = said.findLast((line) => line.startsWith("[FATAL]"));
      if (fatal === undefined) throw error;
      // After the place in XGrammar's own source: "[FATAL] …/grammar_parser.cc:552: ".
      throw new BrokenGrammar(fatal.replace(/^\[FATAL\] .*?\.(cc|h):\d+: /, ""), { cause: error });
    }
  };
  return { xgrammar, saying };
}
