import { WindowseatError } from "./failure.ts";
import { Field } from "./fields.ts";
import type { ModelFacts } from "./load.ts";
import { findFile } from "./manifest.ts";
import { messageOf } from "./message_of.ts";
import { sha256 } from "./sha256.ts";
import { addToChecksum, CHECKSUM_BYTES, startChecksum } from "./storage/checksum.ts";

/**
 * A conversation as bytes.
 *
 * Four words: "WSCV", the version, the bytes in all divided by 4, the bytes of the header. Then the header (JSON), the ids
 * that the state has read (u32), the state's parts one behind the other, and a checksum over all of that. Everything
 * begins at a multiple of 4, and numbers are little endian.
 */

type Bytes = Uint8Array<ArrayBuffer>;

const MAGIC = 0x56435357; // "WSCV"
const VERSION = 1;
const WORDS = 4;

/** What a conversation's bytes say. */
export interface Saved {
  readonly ids: readonly number[];
  /** Lengths of the snapshots behind the state, from the shortest to the longest. */
  readonly snapshots: readonly number[];
  /** The state's parts. */
  readonly content: Bytes;
}

/** Bytes for a conversation with so many bytes of parts: fill `content`, then `seal`. */
export async function createSaved(
  facts: ModelFacts,
  { ids, snapshots }: Omit<Saved, "content">,
  contentBytes: number,
): Promise<{ readonly content: Bytes; readonly seal: () => Bytes }> {
  const { manifest, variant } = facts;
  const identity = await identityOf(facts);
  const length = ids.length;
  const text = JSON.stringify({ model: manifest.name, variant, identity, length, snapshots });
  const written = new TextEncoder().encode(text);
  // Blanks behind JSON mean nothing.
  const header = new Uint8Array(4 * Math.ceil(written.byteLength / 4)).fill(0x20);
  header.set(written);
  const beforeIds = 4 * WORDS + header.byteLength;
  const beforeParts = beforeIds + 4 * length;
  const bytes = new Uint8Array(beforeParts + contentBytes + CHECKSUM_BYTES);
  const total = bytes.byteLength / 4;
  bytes.set(asBytes(Uint32Array.of(MAGIC, VERSION, total, header.byteLength)));
  bytes.set(header, 4 * WORDS);
  bytes.set(asBytes(Uint32Array.from(ids)), beforeIds);
  const seal = (): Bytes => {
    bytes.set(checksumOf(bytes), bytes.byteLength - CHECKSUM_BYTES);
    return bytes;
  };
  return { content: bytes.subarray(beforeParts, beforeParts + contentBytes), seal };
}

/** What bytes say that `createSaved` made for this model; throws for any others. */
export async function openSaved(facts: ModelFacts, given: Bytes): Promise<Saved> {
  // Words and the checksum are read where they lie.
  const bytes = given.byteOffset % 4 === 0 ? given : given.slice();
  const headerBytes = checkWhole(bytes);
  const header = readHeader(bytes.subarray(4 * WORDS, 4 * WORDS + headerBytes));
  const { manifest, variant, context } = facts;
  if (header.identity !== (await identityOf(facts))) {
    const here = `${manifest.name} (${variant})`;
    const there = `${header.model} (${header.variant})`;
    throw refused(
      `The saved conversation is of ${there === here ? `another build of ${here}` : `${there}, and this engine runs ${here}`}; a state fits only the weights and kernels that made it.`,
    );
  }
  const { length, snapshots } = header;
  if (length > context) {
    throw refused(
      `The saved conversation has ${length} tokens and ${manifest.name} holds ${context} here; load it with a larger context.`,
    );
  }
  const beforeIds = 4 * WORDS + headerBytes;
  if (beforeIds + 4 * length > bytes.byteLength - CHECKSUM_BYTES) throw misfit();
  const ids = Array.from(new Uint32Array(bytes.buffer, bytes.byteOffset + beforeIds, length));
  const content = bytes.subarray(beforeIds + 4 * length, bytes.byteLength - CHECKSUM_BYTES);
  return { ids, snapshots, content };
}

/** Throws unless every byte is there and as it was written; gives the bytes of the header. */
function checkWhole(bytes: Bytes): number {
  const [magic, version, total = 0, headerBytes = 0] =
    bytes.byteLength < 4 * WORDS ? [] : new Uint32Array(bytes.buffer, bytes.byteOffset, WORDS);
  if (magic !== MAGIC) {
    throw refused("These bytes are no saved conversation; give what session.save() gave.");
  }
  if (version !== VERSION) {
    throw refused(
      `The saved conversation has format version ${version} and version ${VERSION} is read here; save it anew with this version of windowseat.`,
    );
  }
  if (bytes.byteLength !== 4 * total) {
    throw refused(
      `The saved conversation has ${bytes.byteLength} bytes of ${4 * total}; it was cut on its way: give all of them.`,
    );
  }
  const written = bytes.subarray(bytes.byteLength - CHECKSUM_BYTES);
  if (!checksumOf(bytes).every((byte, i) => byte === written[i])) {
    throw refused(
      "The saved conversation is damaged: its checksum is not that of its bytes; give them as they were saved.",
    );
  }
  return headerBytes;
}

function readHeader(bytes: Bytes): {
  readonly model: string;
  readonly variant: string;
  readonly identity: string;
  readonly length: number;
  readonly snapshots: readonly number[];
} {
  try {
    const header = new Field("", JSON.parse(new TextDecoder().decode(bytes)));
    return {
      model: header.get("model").text,
      variant: header.get("variant").text,
      identity: header.get("identity").text,
      length: header.get("length").integer(),
      snapshots: header.get("snapshots").list((length) => length.integer(1)),
    };
  } catch (error) {
    throw refused(`The saved conversation has a header that cannot be read: ${messageOf(error)}.`);
  }
}

/** The weights, and the kernels that say how a state lies in memory. */
async function identityOf({ manifest, variant }: ModelFacts): Promise<string> {
  const plan = manifest.variants.find(({ name }) => name === variant)?.plan ?? "";
  const hashes = [plan, ...manifest.weights.shards].map(
    (path) => findFile(manifest, path)?.sha256 ?? "",
  );
  return await sha256(new TextEncoder().encode(hashes.join()));
}

function checksumOf(bytes: Bytes): Bytes {
  const sum = startChecksum();
  addToChecksum(sum, bytes.subarray(0, bytes.byteLength - CHECKSUM_BYTES));
  return asBytes(sum);
}

function asBytes({ buffer }: { readonly buffer: ArrayBuffer }): Bytes {
  return new Uint8Array(buffer);
}

/** A checksum can be right for bytes that a person made up: nothing of them may then come to a state. */
export function misfit(): WindowseatError {
  return refused(
    "The saved conversation does not have the parts that its header tells of; give what session.save() gave.",
  );
}

function refused(sentence: string): WindowseatError {
  return new WindowseatError("bad_request", sentence);
}
