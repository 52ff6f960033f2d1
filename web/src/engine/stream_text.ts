/** Turns the bytes of tokens into text as they come: a character is given out when its last byte is there. */
export interface TextStream {
  readonly push: (bytes: Uint8Array) => string;
  /** What is left: U+FFFD for a character that never became complete. */
  readonly end: () => string;
}

/** SentencePiece writes a space before the first word, which its text does not have: `dropsFirstSpace`. */
export function streamText(dropsFirstSpace = false): TextStream {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  let first = dropsFirstSpace;
  const trimmed = (text: string): string => {
    if (!first || text === "") return text;
    first = false;
    return text.startsWith(" ") ? text.slice(1) : text;
  };
  return {
    push: (bytes) => trimmed(decoder.decode(bytes, { stream: true })),
    end: () => trimmed(decoder.decode()),
  };
}
