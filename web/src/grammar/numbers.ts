import { choice, EMPTY, type Expression, literal, optional, repeat, sequence } from "./ebnf.ts";

/** A limit of a number; `open` where the number itself is outside. */
export interface Bound {
  readonly value: number;
  readonly open: boolean;
}

/** Doubles hold so many digits exactly: before the point, and behind it. */
export const WHOLE_DIGITS = 15;
export const FRACTION_DIGITS = 12;
/** The largest whole number of so many digits. */
export const MOST = 10 ** WHOLE_DIGITS - 1;

const DIGIT = "[0-9]";

/** Any JSON number that a double can hold. */
export const ANY_NUMBER: Expression = sequence(
  '"-"?',
  anyInteger(),
  `("." ${DIGIT}{1,${FRACTION_DIGITS}})?`,
  `([eE] [+\\-]? ${DIGIT}{1,2})?`,
);
export const ANY_INTEGER: Expression = sequence('"-"?', anyInteger());

function anyInteger(): Expression {
  return `("0" | [1-9] ${DIGIT}{0,${WHOLE_DIGITS - 1}})`;
}

/** Whether the digits of a bound are few enough to be held to. */
export function isWritable(value: number): boolean {
  const [, fraction = ""] = plainDigits(Math.abs(value));
  return Math.abs(value) < 10 ** WHOLE_DIGITS && fraction.length <= FRACTION_DIGITS;
}

/** The whole numbers between two bounds; null for none. */
export function integersBetween(low: Bound | null, high: Bound | null): Expression | null {
  const least = low
    ? Math.ceil(low.value) + (low.open && Number.isInteger(low.value) ? 1 : 0)
    : -MOST;
  const last = high
    ? Math.floor(high.value) - (high.open && Number.isInteger(high.value) ? 1 : 0)
    : MOST;
  const below = least < 0 && least <= last ? digitsBetween(Math.max(1, -last), -least) : null;
  const above = last >= 0 && least <= last ? digitsBetween(Math.max(0, least), last) : null;
  return choice([
    ...(below === null ? [] : [sequence(literal("-"), below)]),
    ...(above === null ? [] : [above]),
  ]);
}

/** The numbers between two bounds, without exponents; null for none. */
export function numbersBetween(low: Bound | null, high: Bound | null): Expression | null {
  const zero = { value: 0, open: false };
  const positive =
    high && high.value < 0
      ? null
      : magnitudes(low && low.value > 0 ? low : lowZero(low, zero), high);
  const negative =
    low && low.value >= 0
      ? null
      : magnitudes(
          high && high.value < 0 ? negated(high) : { value: 0, open: true },
          low && negated(low),
        );
  return choice([
    ...(negative === null ? [] : [sequence(literal("-"), negative)]),
    ...(positive === null ? [] : [positive]),
  ]);
}

function lowZero(low: Bound | null, zero: Bound): Bound {
  return low?.value === 0 ? low : zero;
}

function negated({ value, open }: Bound): Bound {
  return { value: -value, open };
}

/** The numbers from one that is not negative up to another, or to the largest that can be written. */
function magnitudes(low: Bound, high: Bound | null): Expression | null {
  const [lowWhole, lowFraction] = plainDigits(low.value);
  const [highWhole, highFraction] = high ? plainDigits(high.value) : [null, ""];
  const from = Number(lowWhole);
  const to = highWhole === null ? MOST : Number(highWhole);
  if (from > to) return null;
  const lowEnd = { digits: lowFraction, open: low.open };
  const highEnd = high && { digits: highFraction, open: high.open };
  const withFraction = (whole: string, fraction: Expression | null): Expression[] =>
    fraction === null ? [] : [sequence(whole, fraction)];
  if (highEnd && from === to) {
    return choice(withFraction(literal(String(from)), fractions(lowEnd, highEnd)));
  }
  const options = withFraction(literal(String(from)), fractions(lowEnd, null));
  const between = digitsBetween(from + 1, highEnd ? to - 1 : to);
  if (between !== null) options.push(...withFraction(between, fractions(null, null)));
  if (highEnd) options.push(...withFraction(literal(String(to)), fractions(null, highEnd)));
  return choice(options);
}

/** A limit of what stands behind the point. */
interface End {
  readonly digits: string;
  readonly open: boolean;
}

/** The point and the digits behind it between two limits, or nothing where that is between them; null for none. */
function fractions(low: End | null, high: End | null): Expression | null {
  const some = digitsBehind(low, high, FRACTION_DIGITS, true);
  const point = some === null ? [] : [sequence(literal("."), some)];
  if (!holdsZero(low, high)) return choice(point);
  return point[0] === undefined ? EMPTY : optional(point[0]);
}

/** Whether there may be no more digits, which is as good as zeros. */
function holdsZero(low: End | null, high: End | null): boolean {
  const aboveLow = low === null || (isZero(low.digits) && !low.open);
  const belowHigh = high === null || !isZero(high.digits) || !high.open;
  return aboveLow && belowHigh;
}

function digitsBehind(
  low: End | null,
  high: End | null,
  room: number,
  needed: boolean,
): Expression | null {
  if (low === null && high === null) return repeat(DIGIT, needed ? 1 : 0, room);
  const options = !needed && holdsZero(low, high) ? [EMPTY] : [];
  const free: number[] = [];
  for (let digit = 0; digit <= 9 && room > 0; digit += 1) {
    const [lowRest, lowFits] = endAfter(low, digit, (edge) => digit > edge);
    const [highRest, highFits] = endAfter(high, digit, (edge) => digit < edge);
    if (!lowFits || !highFits) continue;
    if (lowRest === null && highRest === null) free.push(digit);
    else {
      const rest = digitsBehind(lowRest, highRest, room - 1, false);
      if (rest !== null) options.push(sequence(literal(String(digit)), rest));
    }
  }
  if (free.length > 0) {
    options.push(sequence(`[${free.join("")}]`, repeat(DIGIT, 0, room - 1)));
  }
  return choice(options);
}

/** What is left of a limit behind a digit, null for nothing, and whether the digit keeps to it. */
function endAfter(
  end: End | null,
  digit: number,
  inside: (edge: number) => boolean,
): readonly [rest: End | null, fits: boolean] {
  if (end === null) return [null, true];
  const edge = Number(end.digits[0] ?? "0");
  if (inside(edge)) return [null, true];
  return [{ digits: end.digits.slice(1), open: end.open }, digit === edge];
}

function isZero(digits: string): boolean {
  return /^0*$/.test(digits);
}

/** The whole numbers from one up to another that are not negative; null for none. */
function digitsBetween(least: number, most: number): Expression | null {
  if (least > most) return null;
  const [first, last] = [String(least), String(most)];
  const options = Array.from({ length: last.length - first.length + 1 }, (_, i) => {
    const length = first.length + i;
    const from = i === 0 ? first : `1${"0".repeat(length - 1)}`;
    const to = length === last.length ? last : "9".repeat(length);
    return sameLength(from, to);
  });
  return choice(options);
}

/** The numbers between two of as many digits. */
function sameLength(from: string, to: string): Expression {
  const [a = "", b = ""] = [from[0], to[0]];
  if (a === "") return EMPTY;
  const rest = from.length - 1;
  const [low, high] = [from.slice(1), to.slice(1)];
  if (a === b) return sequence(literal(a), sameLength(low, high));
  const isLeast = isZero(low);
  const isMost = /^9*$/.test(high);
  const [first, last] = [Number(a) + (isLeast ? 0 : 1), Number(b) - (isMost ? 0 : 1)];
  const options = [
    ...(isLeast ? [] : [sequence(literal(a), sameLength(low, "9".repeat(rest)))]),
    ...(first <= last ? [sequence(`[${first}-${last}]`, repeat(DIGIT, rest, rest))] : []),
    ...(isMost ? [] : [sequence(literal(b), sameLength("0".repeat(rest), high))]),
  ];
  return choice(options) ?? EMPTY;
}

/** The digits before and behind the point of a number that is not negative. */
function plainDigits(value: number): readonly [whole: string, fraction: string] {
  const [mantissa = "0", exponent = "0"] = String(value).split("e");
  const [whole = "0", fraction = ""] = mantissa.split(".");
  const shift = Number(exponent);
  const digits = whole + fraction;
  const point = whole.length + shift;
  if (point <= 0) return ["0", "0".repeat(-point) + digits];
  return [digits.slice(0, point).padEnd(point, "0"), digits.slice(point)];
}
