/**
 * Readers that turn unknown JSON into typed values without a cast.
 *
 * Each throws a plain Error that names the place ("weights.tensors[3].offset"); the caller knows the file.
 */

type Fields = Readonly<Record<string, unknown>>;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(place: string, value: unknown, need: string): Error {
  const have = value === undefined ? "nothing" : JSON.stringify(value).slice(0, 40);
  return new Error(`${place} is ${have}, not ${need}`);
}

/** One JSON value with the place it stands at; a class, for functions around it would read inside out. */
export class Field {
  readonly place: string;
  readonly value: unknown;

  constructor(place: string, value: unknown) {
    this.place = place;
    this.value = value;
  }

  /** The member of an object; absent members read as undefined and fail at their own reader. */
  get(name: string): Field {
    if (!isFields(this.value)) throw wrong(this.place, this.value, "an object");
    return new Field(this.place === "" ? name : `${this.place}.${name}`, this.value[name]);
  }

  /** Whether an object has a member of that name. */
  has(name: string): boolean {
    return isFields(this.value) && Object.hasOwn(this.value, name);
  }

  get object(): Record<string, unknown> {
    if (!isFields(this.value)) throw wrong(this.place, this.value, "an object");
    return { ...this.value };
  }

  /** The names of an object's members. */
  get names(): string[] {
    if (!isFields(this.value)) throw wrong(this.place, this.value, "an object");
    return Object.keys(this.value);
  }

  get text(): string {
    if (typeof this.value !== "string") throw wrong(this.place, this.value, "a string");
    return this.value;
  }

  get textOrNull(): string | null {
    return this.value === null ? null : this.text;
  }

  get flag(): boolean {
    if (typeof this.value !== "boolean") throw wrong(this.place, this.value, "true or false");
    return this.value;
  }

  get isObject(): boolean {
    return isFields(this.value);
  }

  /** A whole number from `least` up. */
  integer(least = 0): number {
    const { value } = this;
    if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least) {
      throw wrong(this.place, value, `a whole number from ${least} up`);
    }
    return value;
  }

  /** One of the given words, as the type of those words. */
  oneOf<const T extends string | number>(words: readonly T[]): T {
    const found = words.find((word) => word === this.value);
    if (found === undefined) throw wrong(this.place, this.value, `one of ${words.join(", ")}`);
    return found;
  }

  list<T>(read: (item: Field) => T): T[] {
    if (!Array.isArray(this.value)) throw wrong(this.place, this.value, "a list");
    const items: readonly unknown[] = this.value;
    return items.map((item, i) => read(new Field(`${this.place}[${i}]`, item)));
  }

  /** An object whose members are all read the same way. */
  members<T>(read: (item: Field) => T): Record<string, T> {
    return Object.fromEntries(this.names.map((name) => [name, read(this.get(name))]));
  }
}
