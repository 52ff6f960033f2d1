export function notSupported(message: string): DOMException {
  return new DOMException(message, "NotSupportedError");
}

/** Has the names of the browsers' own QuotaExceededError, which Node does not have. */
export class QuotaExceeded extends DOMException {
  /** Tokens; null where they were too many to count. */
  readonly requested: number | null;
  /** Tokens that fit. */
  readonly quota: number;

  constructor(requested: number | null, quota: number) {
    const need = requested === null ? "more tokens than" : `${requested} tokens, and`;
    super(
      `The prompt and what is never dropped take ${need} ${quota} that fit; send less.`,
      "QuotaExceededError",
    );
    this.requested = requested;
    this.quota = quota;
  }
}

/** What went wrong in the engine under the specification's names; what ended a prompt stays as it is. */
export function domError(error: unknown, quota: number): unknown {
  if (!(error instanceof Error && "code" in error && "type" in error)) return error;
  if (error.code === "context_length_exceeded") return new QuotaExceeded(null, quota);
  const name = error.type === "invalid_request_error" ? "NotSupportedError" : "UnknownError";
  return new DOMException(error.message, name);
}

/** The promise, or the signal's reason where that comes first. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
