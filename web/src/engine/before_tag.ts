/** Length of a text that goes on, up to what may still become "blank space, then the tag". */
export function lengthBeforeTag(text: string, tag: string): number {
  for (let n = Math.min(tag.length - 1, text.length); n > 0; n -= 1) {
    if (text.endsWith(tag.slice(0, n))) return text.slice(0, text.length - n).trimEnd().length;
  }
  return text.trimEnd().length;
}
