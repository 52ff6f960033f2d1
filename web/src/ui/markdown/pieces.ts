/** What tokens look like: elements of a fixed few kinds, and text. No tag or attribute name ever comes from the model. */

import type { Token, Tokens } from "marked";
import { decodeEntities } from "./entities.ts";
import { isKnown, type MarkdownToken, type MathToken } from "./lexer.ts";
import { safeAddress } from "./links.ts";
import { foldTags, type ShownTag, type TagToken } from "./tags.ts";

type TagName =
  | ShownTag
  | ("a" | "blockquote" | "code" | "col" | "colgroup" | "div" | "h2" | "h3" | "h4" | "h5" | "h6")
  | ("hr" | "li" | "ol" | "p" | "span" | "table" | "tbody" | "td" | "th" | "thead" | "tr" | "ul");

export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | {
      readonly kind: "element";
      readonly tag: TagName;
      readonly attributes: Readonly<Record<string, string>>;
      readonly children: readonly Piece[];
    }
  | {
      readonly kind: "code";
      readonly text: string;
      readonly language: string;
      readonly whole: boolean;
    }
  | { readonly kind: "math"; readonly token: MathToken };

export interface PieceOptions {
  /** Stands before the text of a picture that is not loaded. */
  readonly picture: string;
  /** Whether no more of these tokens will come. */
  readonly whole: boolean;
}

export function piecesOf(tokens: readonly Token[], options: PieceOptions): readonly Piece[] {
  const many = (list: readonly (Token | TagToken)[]): readonly Piece[] => list.flatMap(one);
  const inline = (list: readonly Token[] = []): readonly Piece[] => many(foldTags(list));

  const one = (token: Token | TagToken): readonly Piece[] => {
    if (isTag(token)) return [element(token.name, many(token.tokens))];
    return isKnown(token) ? known(token) : [text(token.raw)];
  };

  const known = (token: MarkdownToken): readonly Piece[] => {
    switch (token.type) {
      case "space":
      case "def":
        return [];
      case "hr":
      case "br":
        return [element(token.type, [])];
      case "strong":
      case "em":
      case "del":
        return [element(token.type, inline(token.tokens))];
      case "paragraph":
        return [element("p", inline(token.tokens), { dir: "auto" })];
      case "heading":
        return [element(headingTag(token.depth), inline(token.tokens), { dir: "auto" })];
      case "blockquote":
        return [element("blockquote", many(token.tokens), { dir: "auto" })];
      case "list": {
        const start = token.ordered && token.start !== 1 ? { start: String(token.start) } : {};
        return [element(token.ordered ? "ol" : "ul", many(token.items), { dir: "auto", ...start })];
      }
      case "list_item":
        return [listItem(token)];
      case "checkbox":
        return [text(token.checked ? "☑ " : "☐ ")];
      case "table":
        return [table(token, inline)];
      case "code":
        return [
          {
            kind: "code",
            text: token.text,
            language: languageOf(token.lang),
            whole: options.whole,
          },
        ];
      case "math":
        return [{ kind: "math", token }];
      case "codespan":
        return [element("code", [text(token.text)], { dir: "auto" })];
      case "link":
        return link(token.href, inline(token.tokens));
      case "image":
        return link(token.href, [
          text(`${options.picture} ${decodeEntities(token.text) || token.href}`),
        ]);
      case "html":
        return token.block
          ? [element("p", [text(token.raw.trimEnd())], { class: "raw" })]
          : [text(token.raw)];
      case "escape":
        return [text(token.text)];
      case "text":
        // A list item's own line is a paragraph here, so that nothing moves when blank lines come in between.
        return token.tokens === undefined
          ? [text(decodeEntities(token.text))]
          : [element("p", inline(token.tokens), { dir: "auto" })];
    }
  };
  /** The box of a task stands in the line of its text. */
  const listItem = ({ tokens, task }: Tokens.ListItem): Piece => {
    const [box, line, ...rest] = tokens;
    if (!task || box?.type !== "checkbox" || line === undefined || !("tokens" in line)) {
      return element("li", many(tokens));
    }
    const text = element("p", [...many([box]), ...inline(line.tokens)], { dir: "auto" });
    return element("li", [text, ...many(rest)], { class: "task" });
  };

  return many(tokens);
}

function isTag(token: Token | TagToken): token is TagToken {
  return token.type === "tag";
}

function text(content: string): Piece {
  return { kind: "text", text: content };
}

function element(
  tag: TagName,
  children: readonly Piece[],
  attributes: Readonly<Record<string, string>> = {},
): Piece {
  return { kind: "element", tag, attributes, children };
}

/** The page has the first level. */
function headingTag(depth: number): TagName {
  const tags = ["h2", "h3", "h4", "h5", "h6"] as const;
  return tags[Math.min(depth, tags.length) - 1] ?? "h6";
}

/** A link opens beside the page, tells nobody where it came from, and shows its address when it is pointed at. */
function link(href: string, children: readonly Piece[]): readonly Piece[] {
  const address = safeAddress(href);
  if (address === null) return children;
  const rel = "noopener noreferrer nofollow";
  return [element("a", children, { href: address, title: address, target: "_blank", rel })];
}

function languageOf(info: string | undefined): string {
  return /^[\w+#.-]{1,30}/.exec(info ?? "")?.[0]?.toLowerCase() ?? "";
}

const NARROWEST = 6;
const WIDEST = 24;

/** Columns are as wide as their heads are long, so that no row that comes in can move those above it. */
function table(token: Tokens.Table, inline: (tokens: readonly Token[]) => readonly Piece[]): Piece {
  const lengths = token.header.map((cell) =>
    Math.min(Math.max(cell.text.length, NARROWEST), WIDEST),
  );
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const columns = lengths.map((n) =>
    element("col", [], { width: `${((100 * n) / total).toFixed(1)}%` }),
  );
  const cell = (tag: "td" | "th", { tokens, align }: Tokens.TableCell): Piece =>
    element(tag, inline(tokens), { dir: "auto", ...(align ? { class: align } : {}) });
  const row = (tag: "td" | "th", cells: readonly Tokens.TableCell[]): Piece =>
    element(
      "tr",
      cells.map((each) => cell(tag, each)),
    );
  const head = element("thead", [row("th", token.header)]);
  const body = element(
    "tbody",
    token.rows.map((cells) => row("td", cells)),
  );
  const wide = lengths.length > 3 ? { class: "wide" } : {};
  return element("div", [element("table", [element("colgroup", columns), head, body], wide)], {
    class: "table",
    tabindex: "0",
  });
}
