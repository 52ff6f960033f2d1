import { Lexer, type Links, Marked, type MarkedToken, type Token } from "marked";

/** A formula in TeX; `closed` is false while its end has not come. */
export interface MathToken {
  readonly type: "math";
  readonly raw: string;
  readonly tex: string;
  readonly display: boolean;
  readonly closed: boolean;
}

export type MarkdownToken = MarkedToken | MathToken;

const DISPLAY =
  /^ {0,3}(?:\$\$([\s\S]*?)(\$\$|$(?![\s\S]))|\\\[([\s\S]*?)(\\\]|$(?![\s\S])))[ \t]*(?:\n|$(?![\s\S]))/;
const DISPLAY_START = /(?:^|\n) {0,3}(?:\$\$|\\\[)/;
/** A dollar sign opens before a character and closes behind one, and no digit follows: "$5 and $10" is no formula. */
const INLINE =
  /^(?:\$\$([^\n$]+?)\$\$|\$((?:\\.|[^\s\\$])(?:(?:\\.|[^\\\n$])*?(?:\\.|[^\s\\$]))??)\$(?!\d)|\\\(([^\n]+?)\\\)|\\\[([^\n]+?)\\\])/;

const marked = new Marked({
  gfm: true,
  extensions: [
    {
      name: "math",
      level: "block",
      start: (text) => DISPLAY_START.exec(text)?.index,
      tokenizer: (text) => {
        const found = DISPLAY.exec(text);
        if (found === null) return undefined;
        const [raw, dollars, dollarEnd, brackets, bracketEnd] = found;
        const tex = (dollars ?? brackets ?? "").trim();
        const closed = (dollarEnd ?? bracketEnd ?? "") !== "";
        return { type: "math", raw, tex, display: true, closed };
      },
    },
    {
      name: "math",
      level: "inline",
      start: (text) => /\$|\\[([]/.exec(text)?.index,
      tokenizer: (text) => {
        const found = INLINE.exec(text);
        if (found === null) return undefined;
        const [raw, two, one, round, square] = found;
        const tex = (two ?? one ?? round ?? square ?? "").trim();
        const display = two !== undefined || square !== undefined;
        return { type: "math", raw, tex, display, closed: true };
      },
    },
  ],
});

/** The blocks of a Markdown text, in which links may name definitions that came before it. */
export function lex(text: string, links: Links): readonly Token[] {
  const lexer = new Lexer(marked.defaults);
  Object.assign(lexer.tokens.links, links);
  return lexer.lex(text);
}

/** The types that this folder knows how to show; marked gives no others. */
const TYPES: ReadonlySet<string> = new Set<MarkdownToken["type"]>([
  ...(["blockquote", "br", "checkbox", "code", "codespan", "def", "del", "em", "escape"] as const),
  ...([
    "heading",
    "hr",
    "html",
    "image",
    "link",
    "list",
    "list_item",
    "math",
    "paragraph",
  ] as const),
  ...(["space", "strong", "table", "text"] as const),
]);

export function isKnown(token: Token | MarkdownToken): token is MarkdownToken {
  return TYPES.has(token.type);
}
