import assert from "node:assert/strict";
import { WindowseatError } from "../../web/src/runtime/failure.ts";
import { openBundle } from "../../web/src/runtime/files.ts";
import type { LoadOptions } from "../../web/src/runtime/load.ts";
import type { FailureCode } from "../../web/src/runtime/messages.ts";
import { Model } from "../../web/src/runtime/model.ts";
import type { Fetch } from "../../web/src/runtime/receive.ts";
import { gpu } from "./gpu.ts";
import type { ToyBundle } from "./toy_bundle.ts";

/** The toy as a model. */
export async function load(toy: ToyBundle, options: LoadOptions = {}, fetch: Fetch = toy.fetch) {
  const bundle = await openBundle("http://toy/", { fetch });
  return await Model.load(bundle, { gpu, ...options });
}

/** For `assert.rejects`: a failure with this code and words. */
export function failsWith(code: FailureCode, pattern: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof WindowseatError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    return true;
  };
}

/** A response whose connection breaks after these bytes. */
export function breaksAfter(bytes = new Uint8Array(100)): Response {
  let sent = false;
  return new Response(
    new ReadableStream({
      pull: (controller) => {
        if (sent) controller.error(new TypeError("connection reset"));
        else controller.enqueue(bytes);
        sent = true;
      },
    }),
  );
}
