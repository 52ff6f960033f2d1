import { Tokenizer as HubTokenizer } from "@huggingface/tokenizers";
import { WindowseatError } from "../runtime/failure.ts";
import { Field } from "../runtime/fields.ts";
import { messageOf } from "../runtime/message_of.ts";
import { streamText } from "./stream_text.ts";

export interface Tokenizer {
  /** Ids of a rendered prompt; added tokens in the text are recognised. */
  readonly encode: (text: string) => number[];
  /** The text of ids, special tokens left out. */
  readonly decode: (ids: readonly number[]) => string;
  /** The bytes of a token's text; none for a special token, and for an id that no token has. */
  readonly bytes: (id: number) => Uint8Array;
  /** No text of so many characters has fewer tokens than this. */
  readonly fewest: (characters: number) => number;
  /** Text from ids as they come; of a character whose end never comes there is none. */
  readonly stream: () => (id: number) => string;
}

const NO_BYTES = new Uint8Array(0);
/** Composing characters, as tokenizers do first, makes a text this much shorter at most. */
const MOST_SHRINKING = 4;

/** A tokenizer from the texts of tokenizer.json and tokenizer_config.json. */
export function createTokenizer(tokenizerJson: string, configJson: string | null): Tokenizer {
  const { hub, root, special, byteLevel, dropsFirstSpace } = parse(tokenizerJson, configJson);
  const added = hub.get_added_tokens_decoder();
  const encoder = new TextEncoder();
  const bytes = (id: number): Uint8Array => {
    if (special.has(id)) return NO_BYTES;
    const token = hub.id_to_token(id);
    if (token === undefined) return NO_BYTES;
    if (added.has(id)) return encoder.encode(token);
    return byteLevel ? bytesOfByteLevel(token) : bytesOfSentencePiece(token, encoder);
  };
  let longest: number | undefined;
  return {
    encode: (text) => hub.encode(text, { add_special_tokens: false }).ids,
    decode: (ids) => {
      const text = streamText(dropsFirstSpace);
      return ids.map((id) => text.push(bytes(id))).join("") + text.end();
    },
    bytes,
    fewest: (characters) => {
      longest ??= longestToken(root);
      return Math.ceil(characters / (longest * MOST_SHRINKING));
    },
    stream: () => {
      const text = streamText(dropsFirstSpace);
      return (id) => text.push(bytes(id));
    },
  };
}

function parse(
  tokenizerJson: string,
  configJson: string | null,
): {
  readonly hub: HubTokenizer;
  readonly root: Field;
  readonly special: ReadonlySet<number>;
  readonly byteLevel: boolean;
  readonly dropsFirstSpace: boolean;
} {
  try {
    const root = new Field("", JSON.parse(tokenizerJson));
    const config = new Field("", configJson === null ? {} : JSON.parse(configJson)).object;
    const special = new Set<number>();
    for (const token of root.get("added_tokens").list((item) => item)) {
      if (token.get("special").value === true) special.add(token.get("id").integer());
    }
    return {
      hub: new HubTokenizer(root.object, config),
      root,
      special,
      byteLevel: hasDecoder(root.get("decoder"), "ByteLevel"),
      dropsFirstSpace: hasDecoder(root.get("decoder"), "Strip"),
    };
  } catch (error) {
    throw new WindowseatError(
      "damaged_file",
      `tokenizer.json cannot be used: ${messageOf(error)}; build the bundle from a checkpoint with a fast tokenizer.`,
      { cause: error },
    );
  }
}

/** Characters of the longest token. */
function longestToken(root: Field): number {
  const added = root.get("added_tokens").list((token) => token.get("content").text);
  const tokens = [...tokensOf(root.get("model").get("vocab")), ...added];
  return tokens.reduce((longest, { length }) => Math.max(longest, length), 1);
}

/** The tokens of a vocabulary, which is an object by token, or a list of tokens with their scores. */
function tokensOf(vocabulary: Field): readonly string[] {
  if (vocabulary.isObject) return vocabulary.names;
  return vocabulary.list((entry) => entry.list((item) => item)[0]?.text ?? "");
}

/** Whether the decoder is of a type, or a sequence with one of that type in it. */
function hasDecoder(decoder: Field, type: string): boolean {
  if (!decoder.isObject) return false;
  if (decoder.get("type").value === type) return true;
  const parts = decoder.get("decoders");
  return Array.isArray(parts.value) && parts.list((part) => hasDecoder(part, type)).includes(true);
}

/** GPT-2's alphabet: printable characters stand for their own byte, the other bytes follow from U+0100. */
const BYTE_OF = ((): ReadonlyMap<string, number> => {
  const bytes = new Map<string, number>();
  let other = 0x100;
  for (let byte = 0; byte < 256; byte += 1) {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    bytes.set(String.fromCharCode(printable ? byte : other++), byte);
  }
  return bytes;
})();

function bytesOfByteLevel(token: string): Uint8Array {
  return Uint8Array.from(token, (character) => BYTE_OF.get(character) ?? 0x3f);
}

function bytesOfSentencePiece(token: string, encoder: TextEncoder): Uint8Array {
  const byte = /^<0x([0-9A-F]{2})>$/.exec(token)?.[1];
  if (byte !== undefined) return Uint8Array.of(Number.parseInt(byte, 16));
  return encoder.encode(token.replaceAll("\u2581", " "));
}
