import { messageOf } from "./message_of.ts";
import type { Failure, FailureCode } from "./messages.ts";

/** What every part throws when a person has to hear about it: one sentence that says what to do. */
export class WindowseatError extends Error {
  readonly code: FailureCode;
  /** Where in the request that is, as a path, where that is known. */
  readonly place: string | undefined;

  constructor(
    code: FailureCode,
    message: string,
    { place, ...options }: ErrorOptions & { readonly place?: string } = {},
  ) {
    super(message, options);
    this.name = "WindowseatError";
    this.code = code;
    this.place = place;
  }
}

/** Any thrown value as the failure that travels to a page. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof WindowseatError) {
    const { code, message, place } = thrown;
    return { code, message, ...(place !== undefined && { place }) };
  }
  return { code: "internal", message: messageOf(thrown) };
}

/** Bytes for people: "12.3 MiB". */
export function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 100 * 2 ** 20 ? 1 : 0)} MiB`;
}
