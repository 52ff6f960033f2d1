import { WindowseatError } from "./failure.ts";
import { messageOf } from "./message_of.ts";
import { TryAgain } from "./retries.ts";

/** The part of `fetch` that loading needs, so that Node can read a folder instead. */
export type Fetch = (
  url: string,
  init: {
    readonly signal?: AbortSignal;
    readonly cache?: RequestCache;
    readonly headers?: Readonly<Record<string, string>>;
  },
) => Promise<Response>;

export interface Ask {
  readonly signal?: AbortSignal | undefined;
  readonly cache: RequestCache;
  /** The first byte that is asked for. */
  readonly from: number;
  /** Milliseconds without a byte after which the connection is given up. */
  readonly idle: number;
}

/** Asks for a file, or for its rest, and gives the response, and then each chunk, as long as some keep coming. */
export async function receive(
  get: Fetch,
  url: string,
  { signal, cache, from, idle }: Ask,
  onResponse: (response: Response) => void,
  onChunk: (chunk: Uint8Array<ArrayBuffer>) => void,
): Promise<void> {
  const over = new AbortController();
  const init = {
    cache,
    signal: signal ? AbortSignal.any([signal, over.signal]) : over.signal,
    ...(from > 0 && { headers: { range: `bytes=${from}-` } }),
  };
  try {
    const response = await inTime(url, idle, () => get(url, init));
    checkStatus(response, url, from);
    onResponse(response);
    const reader = response.body?.getReader();
    if (!reader) return;
    for (;;) {
      const { done, value } = await inTime(url, idle, () => reader.read());
      if (done) return;
      signal?.throwIfAborted();
      onChunk(value);
    }
  } finally {
    // Lets go of a connection that is not read to its end; for others it does nothing.
    over.abort();
  }
}

function checkStatus({ ok, status }: Response, url: string, from: number): void {
  if (ok) return;
  const answer = `the server answered ${status}`;
  if (status === 416) throw damaged(`${url} is damaged: it ends before byte ${from}`);
  // Something on the way may refuse to give a part, and says nothing about the whole.
  if (status >= 500 || status === 429 || from > 0) throw unreachable(url, answer);
  throw new WindowseatError(
    "missing_file",
    `${url} is missing: ${answer}; copy the whole folder of the bundle there.`,
  );
}

/** Runs a step of a request; what the network throws, and silence, become a failure worth another try. */
async function inTime<T>(url: string, idle: number, step: () => Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const silence = new Promise<never>((_, reject) => {
    const news = new Error(`nothing came for ${idle / 1000} s`);
    timer = setTimeout(reject, idle, news);
  });
  try {
    return await Promise.race([step(), silence]);
  } catch (error) {
    throw unreachable(url, messageOf(error), error);
  } finally {
    clearTimeout(timer);
  }
}

export function unreachable(url: string, why: string, cause?: unknown): TryAgain {
  const sentence = `${url} could not be fetched (${why}); check the connection and reload.`;
  return new TryAgain(new WindowseatError("network", sentence, { cause }), false);
}

export function damaged(sentence: string): TryAgain {
  const advice = "copy the file to the server again or build the bundle again";
  return new TryAgain(new WindowseatError("damaged_file", `${sentence}; ${advice}.`), true);
}
