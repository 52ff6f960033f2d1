/**
 * What can be shown of a text whose end has not come.
 *
 * Half a piece of markup would be shown as text and then vanish, or turn the line above it into a heading. So an end that may
 * still become markup is held back, and what was opened is closed.
 */

import { isShownTag } from "./tags.ts";

/** A line that is only the beginning of a list item, a heading, a rule, an underline of a heading. */
const BARE_MARKER = /(^|\n)[ \t>]*(?:[-*+=#_>]+|\d{1,9}[.)]?|[-*+] \[[ xX]?\]?)[ \t]*$/;
/** A fence that is being opened, with the language after it. */
const OPENING_FENCE = /(^|\n)[ \t>]*(?:`{1,2}|~{1,2}|`{3,}[^`\n]*|~{3,}[^\n]*)$/;
const CLOSING_FENCE = /\n[ \t>]*(?:`+|~+)$/;

export function showable(text: string): string {
  switch (fence(text)) {
    case "open":
      return text.replace(CLOSING_FENCE, "");
    case "closed":
      return text;
    case "none": {
      const table = showableTable(text);
      if (table !== null) return table;
      const held = text.replace(OPENING_FENCE, "$1").replace(BARE_MARKER, "$1");
      const paragraph = held.search(/[^\n]*(?:\n(?![ \t>]*\n)[^\n]*)*$/);
      return held.slice(0, paragraph) + closeInline(held.slice(paragraph));
    }
  }
}

/** Whether the last line is inside of a fenced block of code, or closes one. */
function fence(text: string): "open" | "closed" | "none" {
  let open: string | null = null;
  let closed = false;
  for (const line of text.split("\n")) {
    closed = false;
    const [, mark, info = ""] =
      /^[ \t>]*(?:[-*+] +|\d+[.)] +)?(`{3,}(?=[^`]*$)|~{3,})(.*)$/.exec(line) ?? [];
    if (mark === undefined) continue;
    if (open === null) open = mark;
    else if (mark.startsWith(open) && info.trim() === "") {
      open = null;
      closed = true;
    }
  }
  // A fence that no line break ends yet may still get a language.
  if (open !== null && text.lastIndexOf("\n") < text.lastIndexOf(open)) return "none";
  if (open !== null) return "open";
  return closed ? "closed" : "none";
}

/** A table is one from its second line on: until then its head waits, and then it is drawn under the whole head. */
function showableTable(text: string): string | null {
  const lines = text.split("\n");
  const last = lines.at(-1) === "" ? lines.length - 2 : lines.length - 1;
  let first = last + 1;
  while (first > 0 && /^[ \t>]*\|/.test(lines[first - 1] ?? "")) first -= 1;
  const head = lines[first];
  const rows = last - first;
  if (head === undefined || rows < 0 || rows > 1) return null;
  if (rows === 0 && last === lines.length - 1) return lines.slice(0, first).join("\n");
  if (rows === 1 && last < lines.length - 1) return null;
  if (!/^[ \t>]*\|?[\s|:-]*$/.test(rows === 1 ? (lines[last] ?? "") : "")) return null;
  const columns = head
    .trim()
    .replace(/^[> \t]*\||\|$/g, "")
    .replaceAll("\\|", "")
    .split("|").length;
  const prefix = /^[ \t>]*/.exec(head)?.[0] ?? "";
  return [...lines.slice(0, first + 1), `${prefix}|${"---|".repeat(columns)}`].join("\n");
}

/** Closes a code span, links and emphasis that a paragraph leaves open at its end. */
function closeInline(text: string): string {
  const code = openCodeSpan(text);
  if (code !== null) {
    const inside = text.slice(code.at + code.mark.length).replace(/`+$/, "");
    const before = text.slice(0, code.at);
    return inside.trim() === ""
      ? closeEmphasis(before)
      : `${before}${code.mark}${inside.trimEnd()}${code.mark}`;
  }
  return closeTags(
    text
      .replace(/<[^<>\s]*>?$|\\\((?:(?!\\\))[^\n])*$/, "")
      .replace(/!?\[([^[\]\n]*)\]\([^)\n]*$/, "$1")
      .replace(/!?\[([^[\]\n]*)\]?$/, "$1")
      .replace(/!$/, ""),
  );
}

function openCodeSpan(text: string): { readonly at: number; readonly mark: string } | null {
  let open: { at: number; mark: string } | null = null;
  for (const { 0: mark, index } of text.matchAll(/\\`|`+/g)) {
    if (mark === "\\`" && open === null) continue;
    const run = mark.replace("\\", "");
    if (open === null) open = { at: index, mark: run };
    else if (open.mark === run) open = null;
  }
  return open;
}

/** Emphasis that is open is closed; a mark at the very end is held back, because nobody knows yet how long it gets. */
function closeEmphasis(text: string): string {
  const sure = text.replace(/(?:[*_]+|~+)$/, "");
  const plain = sure.replace(/(`+)[\s\S]*?\1|\\[\s\S]|\$[^$\n]*\$/g, (found) =>
    "x".repeat(found.length),
  );
  const open: string[] = [];
  for (const { 0: mark, index } of plain.matchAll(/\*{1,3}|_{1,3}|~~/g)) {
    const before = plain[index - 1] ?? " ";
    const after = plain[index + mark.length] ?? " ";
    const within = /[\p{L}\p{N}]/u.test(before) && /[\p{L}\p{N}]/u.test(after);
    if (within && (mark.startsWith("_") || mark === "*")) continue;
    if (open.at(-1) === mark && before.trim() !== "") open.pop();
    else if (after.trim() !== "" && !(open.at(-1)?.startsWith(mark[0] ?? "") && mark.length > 2))
      open.push(mark);
  }
  if (open.length === 0) return sure;
  return sure.trimEnd() + open.reverse().join("");
}

/** HTML tags that are shown are closed, the last one first; emphasis inside of them before that. */
function closeTags(text: string): string {
  const open: string[] = [];
  for (const [, slash, tag = ""] of text.matchAll(/<(\/?)([a-z]+)>/gi)) {
    const name = tag.toLowerCase();
    if (name === "br" || !isShownTag(name)) continue;
    if (slash === "") open.push(name);
    else if (open.at(-1) === name) open.pop();
  }
  return (
    closeEmphasis(text) +
    open
      .reverse()
      .map((name) => `</${name}>`)
      .join("")
  );
}
