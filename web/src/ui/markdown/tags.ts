import type { Token } from "marked";

/** The few HTML tags that Markdown has no other way to write; they are shown without any attribute. */
const SHOWN = [
  "b",
  "br",
  "del",
  "em",
  "i",
  "ins",
  "kbd",
  "mark",
  "s",
  "small",
  "strong",
  "sub",
  "sup",
  "u",
] as const;
export type ShownTag = (typeof SHOWN)[number];

export function isShownTag(name: string): boolean {
  return SHOWN.some((shown) => shown === name);
}

/** Text between an opening and a closing HTML tag. */
export interface TagToken {
  readonly type: "tag";
  readonly raw: string;
  readonly name: ShownTag;
  readonly tokens: readonly (Token | TagToken)[];
}

/** Tags stand beside their content in marked's list; here those that are shown hold it. All others stay text. */
export function foldTags(tokens: readonly Token[]): readonly (Token | TagToken)[] {
  const folded: (Token | TagToken)[] = [];
  for (let i = 0; i < tokens.length; i += 1) {
    const token = tokens[i];
    if (token === undefined) break;
    const name = openedBy(token);
    const end = name === "br" ? i : name === null ? -1 : closingOf(tokens, i, name);
    if (name === null || end < 0) {
      folded.push(token);
      continue;
    }
    const raw = tokens.slice(i, end + 1).reduce((text, each) => text + each.raw, "");
    folded.push({ type: "tag", raw, name, tokens: foldTags(tokens.slice(i + 1, end)) });
    i = end;
  }
  return folded;
}

function openedBy({ type, raw }: Token): ShownTag | null {
  if (type !== "html") return null;
  const name = /^<([a-z]+)\s*\/?>$/i.exec(raw)?.[1]?.toLowerCase();
  return SHOWN.find((shown) => shown === name) ?? null;
}

/** Where the tag that opens at `start` is closed, past tags of the same name inside of it; -1 if it never is. */
function closingOf(tokens: readonly Token[], start: number, name: ShownTag): number {
  let depth = 0;
  for (let i = start; i < tokens.length; i += 1) {
    const token = tokens[i];
    if (token?.type !== "html") continue;
    if (openedBy(token) === name) depth += 1;
    else if (token.raw.toLowerCase() === `</${name}>`) depth -= 1;
    if (depth === 0) return i;
  }
  return -1;
}
