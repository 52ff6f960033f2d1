/** A schema of anything that grammars can hold to, drawn with numbers from 0 up to 1. */
export function randomSchema(random: () => number, depth = 0): unknown {
  const below = (most: number): number => Math.floor(random() * most);
  const some = (): boolean => random() < 0.5;
  const inner = (): unknown => randomSchema(random, depth + 1);
  const makers: readonly (() => unknown)[] = [
    () => ({ type: "string", ...(some() ? { minLength: below(3), maxLength: 3 + below(5) } : {}) }),
    () => ({ type: "string", pattern: pick(random, ["^[a-c]{2,4}$", "\\D", "^é+$", "^(日|\\d)"]) }),
    () => ({
      type: "string",
      format: pick(random, ["date", "time", "date-time", "uuid", "email"]),
    }),
    () => {
      const least = (random() - 0.5) * 10 ** below(6);
      const minimum = Number(least.toFixed(below(4)));
      return {
        type: "number",
        minimum,
        exclusiveMaximum: Math.ceil(minimum) + 1 + below(1000) / 8,
      };
    },
    () => ({ type: "integer", exclusiveMinimum: below(300) - 200, maximum: 101 + below(5000) }),
    () => ({ type: pick(random, ["boolean", "null", "number", "integer"]) }),
    () => ({ enum: [below(9), 'a"\\é', null, true, { a: [1] }].slice(below(4)) }),
    () => ({ const: pick(random, [0, "x\n", [], -1.5]) }),
    () => ({ anyOf: [inner(), inner()] }),
    () => ({ type: ["string", "null"] }),
    () => ({ type: "array", items: inner(), minItems: below(3), maxItems: 2 + below(3) }),
    () => ({ type: "array", prefixItems: [inner(), inner()], items: some() ? inner() : false }),
    () => {
      const names = ["a", "ab", 'q"', "é"].slice(0, 1 + below(4));
      return {
        type: "object",
        properties: Object.fromEntries(names.map((name) => [name, inner()])),
        required: names.filter(some),
        ...(some() ? { additionalProperties: some() ? false : { type: "integer" } } : {}),
      };
    },
  ];
  const simple = 8;
  const maker = depth > 2 ? makers[below(simple)] : makers[below(makers.length)];
  return maker?.();
}

function pick<T>(random: () => number, items: readonly T[]): T | undefined {
  return items[Math.floor(random() * items.length)];
}
