import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Budget } from "../../web/src/runtime/budget.ts";
import { addToChecksum, startChecksum } from "../../web/src/runtime/storage/checksum.ts";
import { filesOf } from "../../web/src/runtime/storage/inventory.ts";

const BYTES = Uint8Array.from({ length: 1003 }, (_, i) => (i * 193) >> 3);

function checksum(...pieces: readonly Uint8Array<ArrayBuffer>[]): string {
  const sum = startChecksum();
  for (const piece of pieces) addToChecksum(sum, piece);
  return sum.join();
}

describe("the checksum of a stored file", () => {
  it("is the same however the file is cut", () => {
    assert.equal(checksum(BYTES.subarray(0, 496), BYTES.subarray(496)), checksum(BYTES));
  });

  it("changes with every single bit, and with the same bit of two words", () => {
    const right = checksum(BYTES);
    for (let bit = 0; bit < 8 * BYTES.length; bit += 1) {
      const wrong = BYTES.slice();
      flip(wrong, bit);
      assert.notEqual(checksum(wrong), right);
      flip(wrong, (bit + 128) % (8 * BYTES.length));
      assert.notEqual(checksum(wrong), right);
    }
  });
});

describe("the files that a record tells of", () => {
  it("are known though its manifests are of a format that this runtime cannot read", () => {
    const [one, other] = ["3f".repeat(32), "a0".repeat(32)];
    const current = JSON.stringify({ format: "windowseat-bundle", version: 9, all: [{ in: one }] });
    const next = `<!doctype html><a href="${other}">`;
    const record = { address: "http://toy", current, next };
    assert.deepEqual(filesOf(record), new Set([one, other]));
  });
});

describe("a budget", () => {
  it("lets so many in at once, the others in the order they came", async () => {
    const budget = new Budget(2);
    const order: number[] = [];
    const step = (i: number) => async () => {
      order.push(i);
      await new Promise((resolve) => setTimeout(resolve, 5));
      if (i === 1) throw new Error("a step may fail");
    };
    const all = await Promise.allSettled([0, 1, 2, 3, 4].map((i) => budget.hold(step(i))));
    assert.deepEqual(order, [0, 1, 2, 3, 4]);
    assert.equal(all.filter(({ status }) => status === "rejected").length, 1);
    assert.equal(budget.most, 2);
  });
});

function flip(bytes: Uint8Array, bit: number): void {
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
}
