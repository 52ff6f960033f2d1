import type { CharSet } from "./char_set.ts";

type Bytes = readonly [least: number, most: number];

/** Characters of as many bytes, from the first to the last; halves of surrogate pairs are none. */
const LENGTHS: readonly Bytes[] = [
  [0, 0x7f],
  [0x80, 0x7ff],
  [0x800, 0xd7ff],
  [0xe000, 0xffff],
  [0x10000, 0x10ffff],
];

/** A set of characters as sequences of ranges of UTF-8's bytes. */
export function byteRanges(set: CharSet): readonly (readonly Bytes[])[] {
  return set.flatMap(([least, most]) =>
    LENGTHS.flatMap(([first, last]) => {
      const [from, to] = [Math.max(least, first), Math.min(most, last)];
      return from <= to ? between(bytesOf(from), bytesOf(to)) : [];
    }),
  );
}

function bytesOf(codePoint: number): readonly number[] {
  return [...new TextEncoder().encode(String.fromCodePoint(codePoint))];
}

/** All sequences of as many bytes between two. */
function between(from: readonly number[], to: readonly number[]): (readonly Bytes[])[] {
  const [a, b] = [from[0], to[0]];
  if (a === undefined || b === undefined) return [[]];
  const [low, high] = [from.slice(1), to.slice(1)];
  const behind = (first: Bytes, rest: (readonly Bytes[])[]): (readonly Bytes[])[] =>
    rest.map((bytes) => [first, ...bytes]);
  if (a === b) return behind([a, a], between(low, high));
  const [least, most] = [low.map(() => 0x80), low.map(() => 0xbf)];
  const isLeast = low.every((byte) => byte === 0x80);
  const isMost = high.every((byte) => byte === 0xbf);
  const [first, last] = [a + (isLeast ? 0 : 1), b - (isMost ? 0 : 1)];
  return [
    ...(isLeast ? [] : behind([a, a], between(low, most))),
    ...(first <= last ? behind([first, last], between(least, most)) : []),
    ...(isMost ? [] : behind([b, b], between(least, high))),
  ];
}
