import { type LoadOptions, loadEngine, type WindowseatEngine } from "../../web/src/api/engine.ts";
import type { ChatParams } from "../../web/src/api/types.ts";
import { createHost } from "../../web/src/engine/host.ts";
import { gpu } from "./gpu.ts";
import { IM_END, IM_START, type ToyBundle, toyBundle } from "./toy_bundle.ts";

/** The toy behind the API, in this thread. */
export async function loadToy(
  options: LoadOptions = {},
  toy: ToyBundle = toyBundle(),
  on: GPU = gpu,
): Promise<WindowseatEngine> {
  return await loadEngine(
    (listen) => {
      const { receive, close } = createHost(listen, { gpu: on, fetch: toy.fetch });
      return { send: receive, close };
    },
    "http://toy",
    options,
  );
}

/** A short greedy request, and what the toy's template and tokenizer make of it. */
export const HELLO = {
  messages: [{ role: "user", content: "hé" }],
  temperature: 0,
  max_completion_tokens: 8,
} satisfies ChatParams;
export const HELLO_IDS = [IM_START, ...bytes("uhé"), IM_END, IM_START, ...bytes("a")];

export function bytes(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

/** Text of ids as the toy's tokenizer has it, up to the last whole character: bytes, and nothing for its special tokens. */
export function toyText(ids: readonly number[]): string {
  return new TextDecoder().decode(toyBytes(ids), { stream: true });
}

/** Text of one token, with U+FFFD for a part of a character. */
export function tokenText(id: number): string {
  return new TextDecoder().decode(toyBytes([id]));
}

function toyBytes(ids: readonly number[]): Uint8Array {
  const added: Record<number, string> = { 258: "<think>", 259: "</think>" };
  return Uint8Array.from(ids.flatMap((id) => (id < 256 ? [id] : bytes(added[id] ?? ""))));
}
