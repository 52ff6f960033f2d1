/** Made by build.mjs of the package @mlc-ai/web-xgrammar, whose own types have no bytes as tokens. */
declare module "xgrammar-instances" {
  /** A new instance; it tells `console` why it breaks before it throws. */
  export function createXGrammar(console: Pick<Console, "log" | "error">): XGrammar;

  export interface Freed {
    readonly dispose: () => void;
  }

  export interface GrammarCompiler extends Freed {
    readonly compileGrammar: (ebnf: string) => Promise<Freed>;
  }

  export interface GrammarMatcher extends Freed {
    /** False, and nothing happens, for one that is not allowed. */
    readonly acceptToken: (id: number) => boolean;
    readonly getNextTokenBitmask: () => Promise<Int32Array<ArrayBuffer>>;
  }

  export interface XGrammar {
    readonly Grammar: { readonly fromEBNF: (ebnf: string) => Promise<Freed> };
    readonly TokenizerInfo: {
      readonly createTokenizerInfo: (
        tokens: readonly Uint8Array[],
        kind: "raw",
        spaceFirst: boolean,
        size: number,
        stopTokens: readonly number[],
      ) => Promise<Freed>;
    };
    readonly GrammarCompiler: {
      readonly createGrammarCompiler: (info: Freed, caches: boolean) => Promise<GrammarCompiler>;
    };
    readonly GrammarMatcher: {
      readonly createGrammarMatcher: (compiled: Freed) => Promise<GrammarMatcher>;
    };
  }
}
