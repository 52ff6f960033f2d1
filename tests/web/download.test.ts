import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { type DownloadOptions, download } from "../../web/src/runtime/download.ts";
import type { Fetch } from "../../web/src/runtime/receive.ts";
import { breaksAfter, failsWith } from "./toy_load.ts";

const WHOLE = Uint8Array.from({ length: 512 }, (_, i) => (i * 193) >> 3);
const FILE = {
  path: "weights-0000.bin",
  bytes: WHOLE.length,
  sha256: createHash("sha256").update(WHOLE).digest("hex"),
};
const QUICK = { pauses: [1, 1, 1], offline: 0, idle: 50 };

/** Downloads from a server that gets the range it is asked for and how often it was asked; gives all ranges. */
async function ranges(
  server: (range: string | undefined, tries: number) => Response | Promise<Response>,
  options: DownloadOptions = {},
): Promise<(string | undefined)[]> {
  const asked: (string | undefined)[] = [];
  const get: Fetch = async (_url, { headers }) => {
    asked.push(headers?.range);
    return await server(headers?.range, asked.length);
  };
  const target = new Uint8Array(FILE.bytes);
  await download(get, "http://toy/file", FILE, target, { patience: QUICK, ...options });
  assert.deepEqual(target, WHOLE);
  return asked;
}

/** What a range asks for, or as much of it. */
function rest(range: string | undefined, most = WHOLE.length): Response {
  const from = Number(/\d+/.exec(range ?? "0")?.[0]);
  return new Response(WHOLE.slice(from, from + most), { status: range ? 206 : 200 });
}

/** Some bytes, and nothing more. */
function fallsSilent(bytes: Uint8Array<ArrayBuffer>): Response {
  return new Response(new ReadableStream({ start: (body) => body.enqueue(bytes) }));
}

describe("a download", () => {
  for (const [how, refuse] of Object.entries({
    "400": () => new Response("no", { status: 400 }),
    "403": () => new Response("no", { status: 403 }),
    "an error, as a preflight has it,": () => Promise.reject(new TypeError("Failed to fetch")),
  })) {
    it(`asks for the whole file where ${how} answers the request for its rest`, async () => {
      let bytes = 0;
      const onBytes = (count: number): void => {
        bytes += count;
      };
      const server = (range: string | undefined, tries: number) => {
        if (tries === 1) return breaksAfter(WHOLE.slice(0, 100));
        return range === undefined ? rest(range) : refuse();
      };
      assert.deepEqual(await ranges(server, { onBytes }), [undefined, "bytes=100-", undefined]);
      assert.equal(bytes, FILE.bytes);
    });
  }

  it("keeps what it has while the network is down, and asks for the rest in turn with the whole", async () => {
    const server = (range: string | undefined, tries: number) => {
      if (tries === 1) return breaksAfter(WHOLE.slice(0, 100));
      return tries < 4 ? Promise.reject(new TypeError("network down")) : rest(range);
    };
    assert.deepEqual(await ranges(server), [undefined, "bytes=100-", undefined, "bytes=100-"]);
  });

  it("takes up bodies that end too early, each time where they ended", async () => {
    const asked = await ranges((range) => rest(range, 200));
    assert.deepEqual(asked, [undefined, "bytes=200-", "bytes=400-"]);
  });

  it("gives up a connection that falls silent, and takes it up", async () => {
    const server = (range: string | undefined, tries: number) =>
      tries === 1 ? fallsSilent(WHOLE.slice(0, 100)) : rest(range);
    assert.deepEqual(await ranges(server), [undefined, "bytes=100-"]);
  });

  it("gives up a server that never answers, after all tries, and says so", async () => {
    let tries = 0;
    const signals: (AbortSignal | undefined)[] = [];
    const get: Fetch = (_url, { signal }) => {
      tries += 1;
      signals.push(signal);
      return new Promise(() => {});
    };
    const target = new Uint8Array(FILE.bytes);
    const done = download(get, "http://toy/file", FILE, target, { patience: QUICK });
    await assert.rejects(
      done,
      failsWith("network", /file could not be fetched \(nothing came for/),
    );
    assert.equal(tries, 4);
    assert.ok(signals.every((signal) => signal?.aborted));
  });

  it("waits for the browser to be online again, and no longer", async () => {
    const news = new EventTarget();
    Object.defineProperty(globalThis, "navigator", { value: { onLine: false } });
    globalThis.addEventListener = news.addEventListener.bind(news);
    let back = 0;
    const server = (range: string | undefined, tries: number) => {
      if (tries > 1) return rest(range);
      setTimeout(() => {
        back = performance.now();
        news.dispatchEvent(new Event("online"));
      }, 100);
      throw new TypeError("network down");
    };
    const asked = await ranges(server, { patience: { ...QUICK, offline: 10_000 } });
    assert.equal(asked.length, 2);
    assert.ok(back > 0 && performance.now() - back < 1000);
  });

  it("that is cancelled ends its pause at once", async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(new Error("changed my mind")), 20);
    const patience = { ...QUICK, pauses: [10_000] };
    const server = () => Promise.reject(new TypeError("network down"));
    const started = performance.now();
    await assert.rejects(ranges(server, { patience, signal: stop.signal }), /changed my mind/);
    assert.ok(performance.now() - started < 1000);
  });
});
