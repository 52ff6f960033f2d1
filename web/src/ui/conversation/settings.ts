import type { Sampling } from "../../runtime/messages.ts";

/** A number that a person may set, and between what. */
export interface NumberRule {
  readonly least: number;
  readonly most: number;
  readonly step: number;
}

/** The numbers of a conversation's settings, in the order in which they are shown. */
export const NUMBERS = {
  temperature: { least: 0, most: 2, step: 0.1 },
  top_p: { least: 0.05, most: 1, step: 0.05 },
  top_k: { least: 0, most: 1000, step: 1 },
  min_p: { least: 0, most: 1, step: 0.01 },
  repetition_penalty: { least: 0.5, most: 2, step: 0.05 },
  presence_penalty: { least: -2, most: 2, step: 0.1 },
  frequency_penalty: { least: -2, most: 2, step: 0.1 },
  seed: { least: 0, most: 2 ** 32 - 1, step: 1 },
  max_tokens: { least: 1, most: 2 ** 20, step: 1 },
} as const satisfies Record<string, NumberRule>;

export type NumberName = keyof typeof NUMBERS;

export function isNumberName(name: string): name is NumberName {
  return Object.hasOwn(NUMBERS, name);
}

export const NUMBER_NAMES: readonly NumberName[] = Object.keys(NUMBERS).filter(isNumberName);

/** What a person has chosen for one conversation; what is not named is as the model wants it. */
export interface Settings {
  readonly system: string;
  readonly thinking: boolean;
  readonly numbers: Readonly<Partial<Record<NumberName, number>>>;
}

export const NO_SETTINGS: Settings = { system: "", thinking: false, numbers: {} };

/** Whether a number may be set to this. */
export function allows(name: NumberName, value: number): boolean {
  const { least, most, step } = NUMBERS[name];
  return value >= least && value <= most && (step < 1 || Number.isInteger(value));
}

/** How the model draws its tokens, with what was chosen instead; a seed of its own each time, unless one was chosen. */
export function samplingOf(
  { numbers: { max_tokens: _, ...chosen } }: Settings,
  ofModel: Omit<Sampling, "seed">,
): Sampling {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
  return { ...ofModel, seed, ...chosen };
}
