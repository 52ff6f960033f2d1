/** Gives text on up to the first of some texts. */
export interface StopStrings {
  /** What is sure to be shown by now; nothing more comes once `found`. */
  readonly push: (text: string) => string;
  /** What was held back, in case a stop text would come of it. */
  readonly end: () => string;
  readonly found: () => boolean;
}

/** One text that is looked for, and how much of it the text so far ends with. */
interface Sought {
  readonly text: string;
  /** At i: the longest true beginning of `text` that its first i + 1 units end with. */
  readonly fallback: readonly number[];
  matched: number;
}

/**
 * Cuts streamed text before whichever of the stops is complete first, wherever the pieces are cut; of two that end at
 * the same place the longer counts. It is Knuth, Morris and Pratt's search, so a long stop costs no more than a short one.
 */
export function cutAtStops(stops: readonly string[]): StopStrings {
  const sought: Sought[] = stops.map((text) => ({ text, fallback: fallbacks(text), matched: 0 }));
  let held = "";
  let over = false;
  const push = (text: string): string => {
    if (over) return "";
    held += text;
    for (let at = held.length - text.length; at < held.length; at += 1) {
      let longest = 0;
      for (const each of sought)
        if (advance(each, held.charCodeAt(at))) longest = Math.max(longest, each.text.length);
      if (longest > 0) {
        over = true;
        const shown = held.slice(0, at + 1 - longest);
        held = "";
        return shown;
      }
    }
    const undecided = sought.reduce((most, { matched }) => Math.max(most, matched), 0);
    const sure = held.slice(0, held.length - undecided);
    held = held.slice(held.length - undecided);
    return sure;
  };
  const end = (): string => {
    const rest = held;
    held = "";
    return rest;
  };
  return { push, end, found: () => over };
}

/** Whether the text is complete with this unit. */
function advance(sought: Sought, unit: number): boolean {
  const { text, fallback } = sought;
  while (sought.matched > 0 && text.charCodeAt(sought.matched) !== unit) {
    sought.matched = fallback[sought.matched - 1] ?? 0;
  }
  if (text.charCodeAt(sought.matched) === unit) sought.matched += 1;
  return sought.matched === text.length;
}

function fallbacks(text: string): number[] {
  const found = [0];
  for (let i = 1, length = 0; i < text.length; i += 1) {
    while (length > 0 && text[i] !== text[length]) length = found[length - 1] ?? 0;
    if (text[i] === text[length]) length += 1;
    found.push(length);
  }
  return found;
}
