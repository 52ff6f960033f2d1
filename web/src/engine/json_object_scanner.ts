/** How much of a text belongs to an object, and whether that is open still, closed, or no JSON. */
interface Scanned {
  readonly length: number;
  readonly state: "open" | "closed" | "broken";
}

/**
 * Follows an object over several pieces to its end, or to what no JSON has: a tag between its strings, or the end of a line
 * inside of one. It looks no closer, so that whoever wants to know whether it is JSON has to parse it.
 */
export function jsonObjectScanner(): (text: string) => Scanned {
  let depth = 0;
  let inString = false;
  let escaped = false;
  return (text) => {
    for (let i = 0; i < text.length; i += 1) {
      const c = text[i];
      if (inString ? c === "\n" : c === "<") return { length: i, state: "broken" };
      if (escaped) escaped = false;
      else if (inString && c === "\\") escaped = true;
      else if (c === '"') inString = !inString;
      else if (inString) continue;
      else if (c === "{" || c === "[") depth += 1;
      else if (c === "}" || c === "]") {
        depth -= 1;
        if (depth === 0) return { length: i + 1, state: "closed" };
      }
    }
    return { length: text.length, state: "open" };
  };
}
