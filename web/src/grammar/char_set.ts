/** Characters as ranges of code points, in rising order and with gaps between them. */
export type CharSet = readonly (readonly [least: number, most: number])[];

export const LAST = 0x10ffff;
/** Halves of surrogate pairs, which no text in UTF-8 has. */
const SURROGATES: CharSet = [[0xd800, 0xdfff]];

/** Every character that a text may have. */
export const EVERY: CharSet = complement(SURROGATES);

/** The characters of a text. */
export function charsOf(text: string): CharSet {
  return union(Array.from(text, (character) => range(character.codePointAt(0) ?? 0)));
}

export function range(least: number, most = least): CharSet {
  return [[least, most]];
}

export function union(sets: readonly CharSet[]): CharSet {
  const merged: [number, number][] = [];
  for (const [least, most] of sets.flat().toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last && least <= last[1] + 1) last[1] = Math.max(last[1], most);
    else merged.push([least, most]);
  }
  return merged;
}

export function complement(set: CharSet): CharSet {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [least, most] of union([set])) {
    if (next < least) rest.push([next, least - 1]);
    next = most + 1;
  }
  if (next <= LAST) rest.push([next, LAST]);
  return rest;
}

export function intersection(a: CharSet, b: CharSet): CharSet {
  return complement(union([complement(a), complement(b)]));
}

export function without(set: CharSet, others: CharSet): CharSet {
  return intersection(set, complement(others));
}
