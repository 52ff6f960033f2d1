import type { TokenMask } from "../runtime/constrained.ts";

export function noTokens(vocabulary: number): TokenMask {
  return new Int32Array(Math.ceil(vocabulary / 32));
}

export function allow(mask: TokenMask, id: number): void {
  mask[id >> 5] = (mask[id >> 5] ?? 0) | (1 << (id & 31));
}

export function forbid(mask: TokenMask, id: number): void {
  mask[id >> 5] = (mask[id >> 5] ?? 0) & ~(1 << (id & 31));
}
