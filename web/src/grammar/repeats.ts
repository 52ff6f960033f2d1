import type { AST } from "@eslint-community/regexpp";
import { refuse } from "./refuse.ts";

/**
 * How often parts that may be empty may be repeated in each other. `(?:(?:a{0,10}){0,10}){0,10}` takes some 5 ms for each
 * character, and with 20, 20 and 10 times 100 ms: any of the repeats may have ended anywhere, and the matcher follows them all.
 */
const MOST_TIMES = 1024;

/** What a part of a pattern has in it. */
interface Weight {
  readonly mayBeEmpty: boolean;
  /** The product of repeats in each other, where each may be at any of its times; 0 where nothing is repeated. */
  readonly times: number;
}

/** Refuses repeats that would keep the matcher busy for seconds. */
export function checkRepeats({ alternatives }: AST.Pattern, place: string): void {
  weightOfChoice(alternatives, place);
}

function weightOfChoice(alternatives: readonly AST.Alternative[], place: string): Weight {
  const weights = alternatives.map(({ elements }) => {
    const parts = elements.map((element) => weightOf(element, place));
    return { mayBeEmpty: parts.every(({ mayBeEmpty }) => mayBeEmpty), times: sumOf(parts) };
  });
  return { mayBeEmpty: weights.some(({ mayBeEmpty }) => mayBeEmpty), times: sumOf(weights) };
}

const sumOf = (weights: readonly Weight[]): number =>
  weights.reduce((sum, { times }) => sum + times, 0);

function weightOf(element: AST.Element, place: string): Weight {
  switch (element.type) {
    case "Group":
    case "CapturingGroup":
      return weightOfChoice(element.alternatives, place);
    case "Quantifier":
      return weightOfRepeat(element, place);
    default:
      return { mayBeEmpty: false, times: 0 };
  }
}

function weightOfRepeat({ min, max, element, raw }: AST.Quantifier, place: string): Weight {
  const inside = weightOf(element, place);
  const times = inside.mayBeEmpty ? inside.times : 0;
  const own = max === Number.POSITIVE_INFINITY ? min : max;
  if (own * times > MOST_TIMES) {
    refuse(
      place,
      `has ${raw} in it, which repeats parts that may be empty ${own * times} times in all, and ${MOST_TIMES} are the most; let each part have a character at least.`,
    );
  }
  return {
    mayBeEmpty: inside.mayBeEmpty || min === 0,
    times: own > 1 ? own * Math.max(times, 1) : times,
  };
}
