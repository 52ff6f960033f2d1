/**
 * A sum over every byte of a stored file, to find what a disk or a browser did to it since its SHA-256 was right.
 *
 * Not SHA-256 again: SubtleCrypto computes one digest at a time, at 1.1 GB/s where the processor has instructions for
 * it and at 0.2 to 0.4 GB/s where it does not, and a warm load would wait for it. This runs at 8 GB/s on the same
 * machine. It is no protection against a person who writes to the disk: such a person could change the page as well.
 */

const LANES = 4;
const BLOCK = 4 * LANES;
/** Odd, so that a step loses nothing: a change of one word is always found, others but for one in 2³². */
const MULTIPLIER = 0x9e3779b1;

export const CHECKSUM_BYTES = 4 * LANES;

/** A sum of nothing yet: four lanes, so that a processor has four chains of steps to work on at once. */
export function startChecksum(): Int32Array<ArrayBuffer> {
  return new Int32Array(LANES);
}

/** Adds the next piece, which begins at a multiple of 4 in its buffer; only the last may end within 16 bytes. */
export function addToChecksum(sum: Int32Array<ArrayBuffer>, piece: Uint8Array<ArrayBuffer>): void {
  let [a = 0, b = 0, c = 0, d = 0] = sum;
  const whole = piece.byteLength - (piece.byteLength % BLOCK);
  const words = new Int32Array(piece.buffer, piece.byteOffset, whole / 4);
  for (let i = 0; i < words.length; i += LANES) {
    a = step(a, words[i] ?? 0);
    b = step(b, words[i + 1] ?? 0);
    c = step(c, words[i + 2] ?? 0);
    d = step(d, words[i + 3] ?? 0);
  }
  for (let i = whole; i < piece.byteLength; i += 1) a = step(a, piece[i] ?? 0);
  sum.set([a, b, c, d]);
}

/** The multiplication spreads bits upwards only; the shift brings the high ones down again. */
function step(sum: number, word: number): number {
  const spread = Math.imul(sum ^ word, MULTIPLIER);
  return spread ^ (spread >>> 15);
}
