import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Client } from "../../web/src/api/client.ts";
import type { FromEngine, ToEngine } from "../../web/src/runtime/messages.ts";

/** A client whose engine says what the test has it say. */
function listening() {
  const sent: ToEngine["kind"][] = [];
  let closed = 0;
  let say: (message: FromEngine) => void = () => {};
  const client = new Client((listen) => {
    say = listen;
    return { send: ({ kind }) => sent.push(kind), close: () => (closed += 1) };
  });
  return { client, sent, say: (message: FromEngine) => say(message), closings: () => closed };
}

const SAMPLING = { temperature: 0, top_k: 0, top_p: 1, seed: 0 };

describe("a client of an engine", () => {
  it("tells it of an abort at once and once, though nobody asks for the next piece", async () => {
    const { client, sent, say } = listening();
    const stop = new AbortController();
    const request = { messages: [], sampling: SAMPLING };
    const pieces = client.generate(request, stop.signal, "messages");
    const first = pieces.next();
    say({ kind: "delta", id: 1, channel: "answer", text: "x" });
    await first;
    stop.abort();
    assert.deepEqual(sent, ["generate", "stop"]);
    await assert.rejects(pieces.next(), { name: "AbortError" });
    assert.deepEqual(sent, ["generate", "stop"]);
  });

  it("frees an engine that had failed when it is closed", () => {
    const { client, say, closings } = listening();
    say({ kind: "failed", id: null, failure: { code: "internal", message: "It broke." } });
    client.close();
    assert.equal(closings(), 1);
  });
});
