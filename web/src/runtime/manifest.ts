import { WindowseatError } from "./failure.ts";
import { Field } from "./fields.ts";
import type { Bundle, BundleFile, TensorRange, Variant, WeightStream } from "./format.ts";
import { messageOf } from "./message_of.ts";

const FORMAT = "windowseat-bundle";
const VERSION = 1;

/** The manifest in the text of a bundle.json, checked as far as later code relies on it. */
export function parseManifest(text: string, url: string): Bundle {
  const root = new Field("", parseJson(text, url));
  checkVersion(root, url);
  try {
    const manifest = readBundle(root);
    checkWeights(manifest);
    return manifest;
  } catch (error) {
    throw new WindowseatError(
      "damaged_file",
      `${url} does not fit the bundle format: ${messageOf(error)}; build the bundle again.`,
    );
  }
}

/** The manifest's entry for a file, or null when the bundle does not have it. */
export function findFile(manifest: Bundle, path: string): BundleFile | null {
  return manifest.files.find((file) => file.path === path) ?? null;
}

function parseJson(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new WindowseatError(
      "damaged_file",
      `${url} is not JSON; check that the address is the folder of a bundle.`,
    );
  }
}

/** Reads nothing but format and version, so that a bundle of the future is told apart from a broken one. */
function checkVersion(root: Field, url: string): void {
  if (!root.isObject || root.get("format").value !== FORMAT) {
    throw new WindowseatError(
      "damaged_file",
      `${url} is not the manifest of a Windowseat bundle; check the address of the bundle.`,
    );
  }
  const version = root.get("version").value;
  if (version === VERSION) return;
  const have = typeof version === "number" ? version : JSON.stringify(version);
  const advice =
    typeof version === "number" && version > VERSION
      ? "update the page, or build the bundle with the page's own version of windowseat"
      : "build the bundle again";
  throw new WindowseatError(
    "unknown_version",
    `${url} has format version ${have} and this page reads version ${VERSION}: ${advice}.`,
  );
}

function readBundle(root: Field): Bundle {
  const [best, ...others] = root.get("variants").list(readVariant);
  if (best === undefined) throw new Error("variants is empty");
  const context = root.get("context");
  return {
    format: FORMAT,
    version: VERSION,
    name: root.get("name").text,
    model: readIdentity(root.get("model")),
    quantisation: root.get("quantisation").oneOf(["q4", "q8", "f16"]),
    context: { default: context.get("default").integer(1), max: context.get("max").integer(1) },
    vocabulary: root.get("vocabulary").integer(1),
    stop_tokens: root.get("stop_tokens").list((id) => id.integer()),
    variants: [best, ...others],
    weights: readWeights(root.get("weights")),
    files: root.get("files").list(readFile),
  };
}

function readIdentity(model: Field): Bundle["model"] {
  return {
    architecture: model.get("architecture").text,
    source: model.get("source").text,
    revision: model.get("revision").textOrNull,
    licence: model.get("licence").textOrNull,
    parameters: model.get("parameters").integer(1),
    config: model.get("config").object,
  };
}

function readVariant(variant: Field): Variant {
  const memory = variant.get("memory");
  return {
    name: variant.get("name").text,
    plan: variant.get("plan").text,
    prefill_chunk: variant.get("prefill_chunk").integer(1),
    software: variant.get("software").flag,
    kv_cache: variant.get("kv_cache").oneOf(["f32", "f16", "q8"]),
    features: variant.get("features").list((name) => name.text),
    limits: variant.get("limits").members((limit) => limit.integer()),
    memory: {
      weights: memory.get("weights").integer(),
      fixed: memory.get("fixed").integer(),
      per_position: memory.get("per_position").integer(),
    },
  };
}

function readWeights(weights: Field): WeightStream {
  return {
    bytes: weights.get("bytes").integer(),
    shard_bytes: weights.get("shard_bytes").integer(1),
    shards: weights.get("shards").list((name) => name.text),
    tensors: weights.get("tensors").list(readTensor),
  };
}

function readTensor(tensor: Field): TensorRange {
  return {
    name: tensor.get("name").text,
    offset: tensor.get("offset").integer(),
    bytes: tensor.get("bytes").integer(4),
  };
}

function readFile(file: Field): BundleFile {
  return {
    path: file.get("path").text,
    bytes: file.get("bytes").integer(),
    sha256: file.get("sha256").text,
  };
}

/** Shards add up to the stream, and every tensor lies inside of it on the boundaries WebGPU copies at. */
function checkWeights(manifest: Bundle): void {
  const { bytes, shard_bytes, shards, tensors } = manifest.weights;
  if (shard_bytes % 4 !== 0) throw new Error(`shard_bytes is ${shard_bytes}, not a multiple of 4`);
  shards.forEach((path, i) => {
    const need = Math.min(shard_bytes, bytes - i * shard_bytes);
    const have = findFile(manifest, path)?.bytes;
    if (have !== need) throw new Error(`shard ${path} has ${have ?? "no"} bytes, not ${need}`);
  });
  if (shards.length !== Math.ceil(bytes / shard_bytes)) {
    throw new Error(`${shards.length} shards of ${shard_bytes} bytes do not hold ${bytes} bytes`);
  }
  for (const { name, offset, bytes: size } of tensors) {
    if (offset % 4 !== 0 || size % 4 !== 0 || offset + size > bytes) {
      throw new Error(`tensor ${name} takes ${size} bytes from ${offset} of a stream of ${bytes}`);
    }
  }
}
