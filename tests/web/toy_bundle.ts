import { createHash } from "node:crypto";
import type { Bundle, Plan, PlanKernel } from "../../web/src/runtime/format.ts";
import type { Fetch } from "../../web/src/runtime/receive.ts";
import { SAMPLING_KERNELS, samplingBuffers, samplingPrograms } from "./toy_sampling.ts";

/**
 * A bundle of hand-written kernels that computes with whole numbers, so that `simulate` knows every token.
 *
 * Its state is one number that depends on every token read (like a recurrence) and a list of what was read (like
 * a KV cache). Tensors cross shards; every uniform matters.
 */

export const VOCABULARY = 261;
export const CHUNK = 8;
export const CONTEXT = 96;
export const IM_START = 256;
export const IM_END = 257;

const SHARD_BYTES = 512;
const EMBED = Array.from({ length: VOCABULARY }, (_, id) => (id * 7919 + 13) % 4093);
const TABLE = Array.from({ length: VOCABULARY }, (_, id) => (id * id * 31 + id * 17) % 1021);

const EMBED_WGSL = /* wgsl */ `
struct Scalars { tokens: i32 }
@group(0) @binding(0) var<storage, read> embed: array<u32>;
@group(0) @binding(1) var<storage, read_write> rows: array<u32>;
@group(0) @binding(2) var<storage, read> tokens: array<u32>;
@group(0) @binding(3) var<uniform> scalars: Scalars;
@compute @workgroup_size(4) fn main(@builtin(global_invocation_id) at: vec3u) {
  if (i32(at.x) < scalars.tokens) { rows[at.x] = embed[tokens[at.x]]; }
}`;

const RECUR_WGSL = /* wgsl */ `
struct Scalars { position: i32, tokens: i32, keep_at: i32 }
@group(0) @binding(0) var<storage, read_write> hidden: array<u32>;
@group(0) @binding(1) var<storage, read> rows: array<u32>;
@group(0) @binding(2) var<storage, read_write> seen: array<u32>;
@group(0) @binding(3) var<storage, read_write> state: array<u32>;
@group(0) @binding(4) var<storage, read_write> kept: array<u32>;
@group(0) @binding(5) var<uniform> scalars: Scalars;
@compute @workgroup_size(1) fn main() {
  var s = select(state[0], 0u, scalars.position == 0);
  for (var i = 0; i < scalars.tokens; i++) {
    s = (s * 31u + rows[i] + 1u) % 65521u;
    seen[scalars.position + i] = rows[i];
    hidden[i] = (s + seen[(scalars.position + i) / 2]) % 65521u;
    if (i + 1 == scalars.keep_at) { kept[0] = s; }
  }
  state[0] = s;
}`;

const HEAD_WGSL = /* wgsl */ `
struct Scalars { tokens: i32 }
@group(0) @binding(0) var<storage, read> hidden: array<u32>;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<u32>;
@group(0) @binding(3) var<uniform> scalars: Scalars;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) at: vec3u) {
  if (at.x < ${VOCABULARY}u) {
    logits[at.x] = f32((table[at.x] + hidden[scalars.tokens - 1] * (at.x + 1u)) % 1021u);
  }
}`;

const kernel = (
  name: string,
  code: string,
  buffers: PlanKernel["buffers"],
  scalars: PlanKernel["scalars"],
): PlanKernel => ({ name, entry: "main", code, buffers, scalars });

const read = (name: string) => ({ name, access: "read" as const });
const write = (name: string) => ({ name, access: "read_write" as const });

function toyPlan(variant: string): Plan {
  const embed = {
    kernel: 0,
    buffers: ["embed", "rows", "tokens"],
    grid: [{ tokens_per_group: 4 }, 1] satisfies [object, number],
  };
  const recur = {
    kernel: 1,
    buffers: ["hidden", "rows", "seen", "state", "state.kept"],
    grid: [1, 1] satisfies [number, number],
  };
  return {
    version: 1,
    variant,
    buffers: [
      { name: "tokens", role: "io", bytes: 4 * CHUNK, bytes_per_position: 0 },
      { name: "logits", role: "io", bytes: 4 * VOCABULARY, bytes_per_position: 0 },
      ...samplingBuffers(VOCABULARY),
      { name: "rows", role: "scratch", bytes: 4 * CHUNK, bytes_per_position: 0 },
      { name: "hidden", role: "scratch", bytes: 4 * CHUNK, bytes_per_position: 0 },
      { name: "seen", role: "state", bytes: 0, bytes_per_position: 4 },
      { name: "state", role: "state", bytes: 4, bytes_per_position: 0 },
      { name: "state.kept", role: "kept", bytes: 4, bytes_per_position: 0 },
    ],
    kernels: [
      kernel("embed", EMBED_WGSL, [read("embed"), write("rows"), read("tokens")], ["tokens"]),
      kernel(
        "recur",
        RECUR_WGSL,
        [write("hidden"), read("rows"), write("seen"), write("state"), write("state.kept")],
        ["position", "tokens", "keep_at"],
      ),
      kernel("head", HEAD_WGSL, [read("hidden"), write("logits"), read("table")], ["tokens"]),
      ...SAMPLING_KERNELS,
    ],
    programs: {
      prefill: [embed, recur],
      decode: [embed, recur],
      head: [{ kernel: 2, buffers: ["hidden", "logits", "table"], grid: [5, 1] }],
      ...samplingPrograms(3, VOCABULARY),
    },
  };
}

/** Byte-level tokens 0 to 255, then four added ones. */
function toyTokenizer(): object {
  const vocab: Record<string, number> = {};
  let other = 0x100;
  for (let byte = 0; byte < 256; byte += 1) {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    vocab[String.fromCharCode(printable ? byte : other++)] = byte;
  }
  const added = (id: number, content: string, special: boolean) => ({
    id,
    content,
    special,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  });
  return {
    version: "1.0",
    added_tokens: [
      added(IM_START, "<|im_start|>", true),
      added(IM_END, "<|im_end|>", true),
      added(258, "<think>", false),
      added(259, "</think>", false),
    ],
    normalizer: { type: "NFC" },
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: false },
    post_processor: null,
    decoder: { type: "ByteLevel" },
    model: { type: "BPE", vocab, merges: [] },
  };
}

const TEMPLATE = `{%- if messages[0].content == 'raise' %}{{ raise_exception('No raise, please.') }}{% endif -%}
{%- for message in messages -%}
<|im_start|>{{ message.role[0] }}{{ message.content }}<|im_end|>
{%- endfor -%}
{%- if add_generation_prompt -%}<|im_start|>a{% if enable_thinking %}<think>{% endif %}{%- endif -%}`;

export interface ToyBundle {
  readonly manifest: Bundle;
  readonly files: Map<string, Uint8Array<ArrayBuffer>>;
  /** Paths asked for, in order. */
  readonly asked: string[];
  readonly fetch: Fetch;
}

export interface ToyChoice {
  /** Other weights with another number; `simulate` knows those of 0. */
  readonly numbers?: number;
  readonly stopTokens?: readonly number[];
  readonly variants?: (usual: Bundle["variants"]) => Bundle["variants"];
  readonly plan?: (usual: Plan) => Plan;
  /** The chat template. */
  readonly template?: string;
  /** Plans of further variants, by their files. */
  readonly morePlans?: (usual: Plan) => Readonly<Record<string, Plan>>;
}

/** Two variants with the same answers; the first, `slow`, takes its time over every token. */
export const SLOW_RIVAL: ToyChoice = {
  variants: ([base]) => [
    { ...base, name: "slow", plan: "plan-slow.json" },
    { ...base, name: "quick" },
  ],
  morePlans: (usual) => ({ "plan-slow.json": { ...usual, kernels: usual.kernels.map(delayed) } }),
};

/** A variant that runs, and one behind it with a kernel that no driver takes. */
export const BROKEN_RIVAL: ToyChoice = {
  variants: ([base]) => [
    { ...base, name: "quick" },
    { ...base, name: "broken", plan: "plan-broken.json" },
  ],
  morePlans: (usual) => ({ "plan-broken.json": { ...usual, kernels: usual.kernels.map(broken) } }),
};

function broken(kernel: PlanKernel): PlanKernel {
  return kernel.name === "head" ? { ...kernel, code: `${kernel.code} fn broken( {` } : kernel;
}

/** Takes its time in 40,000 long turns: lavapipe ends a thread's loops after 65,535. */
function delayed(kernel: PlanKernel): PlanKernel {
  if (kernel.name !== "recur") return kernel;
  const step = "n ^= n << 13u; n ^= n >> 17u; n ^= n << 5u;";
  const detour = `
  var n = rows[0];
  for (var i = 0u; i < 40000u; i++) { ${step.repeat(40)} }
  if (n == 1u) { hidden[0] = n; }
  var s =`;
  return { ...kernel, code: kernel.code.replace("var s =", detour) };
}

/** The bundle as files in memory; a test may spoil them before it loads. */
export function toyBundle({
  numbers = 0,
  stopTokens = [IM_END],
  variants = (usual) => usual,
  plan = (usual) => usual,
  template = TEMPLATE,
  morePlans = () => ({}),
}: ToyChoice = {}): ToyBundle {
  const stream = new Uint32Array(640);
  stream.set(TABLE, 0);
  stream.set(
    EMBED.map((value) => value + numbers),
    320,
  ); // a tensor begins at a multiple of 256 bytes
  const bytes = new Uint8Array(stream.buffer).subarray(0, 4 * (320 + VOCABULARY));
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const shards: string[] = [];
  for (let at = 0; at < bytes.length; at += SHARD_BYTES) {
    const path = `weights-${String(shards.length).padStart(4, "0")}.bin`;
    files.set(path, bytes.slice(at, at + SHARD_BYTES));
    shards.push(path);
  }
  const put = (path: string, text: string) => files.set(path, new TextEncoder().encode(text));
  const usual = plan(toyPlan("base"));
  for (const [path, each] of Object.entries({ "plan-base.json": usual, ...morePlans(usual) })) {
    put(path, JSON.stringify(each));
  }
  put("tokenizer.json", JSON.stringify(toyTokenizer()));
  put("tokenizer_config.json", "{}");
  put("chat_template.jinja", template);
  const manifest: Bundle = {
    format: "windowseat-bundle",
    version: 1,
    name: "toy",
    model: {
      architecture: "toy",
      source: "tests/web",
      revision: null,
      licence: null,
      parameters: 2 * VOCABULARY,
      config: {},
    },
    quantisation: "f16",
    context: { default: CONTEXT, max: 4096 },
    vocabulary: VOCABULARY,
    stop_tokens: [...stopTokens],
    variants: variants([
      {
        name: "base",
        plan: "plan-base.json",
        prefill_chunk: CHUNK,
        software: false,
        kv_cache: "f32",
        features: [],
        limits: { maxStorageBuffersPerShaderStage: 5, maxComputeInvocationsPerWorkgroup: 64 },
        memory: { weights: bytes.length, fixed: 1200, per_position: 4 },
      },
    ]),
    weights: {
      bytes: bytes.length,
      shard_bytes: SHARD_BYTES,
      shards,
      tensors: [
        { name: "table", offset: 0, bytes: 4 * VOCABULARY },
        { name: "embed", offset: 1280, bytes: 4 * VOCABULARY },
      ],
    },
    files: Array.from(files, ([path, content]) => ({
      path,
      bytes: content.length,
      sha256: createHash("sha256").update(content).digest("hex"),
    })),
  };
  put("bundle.json", JSON.stringify(manifest));
  const asked: string[] = [];
  return {
    manifest,
    files,
    asked,
    fetch: async (url, { signal }) => {
      signal?.throwIfAborted();
      const path = url.split("/").at(-1) ?? "";
      asked.push(path);
      const content = files.get(path);
      return content ? new Response(content) : new Response(null, { status: 404 });
    },
  };
}

/** The greedy tokens after a prompt, as the kernels would have them, of logits that a request may have changed. */
export function simulate(
  prompt: readonly number[],
  count: number,
  change: (logits: readonly number[], made: readonly number[]) => readonly number[] = (same) =>
    same,
): number[] {
  const seen: number[] = [];
  const made: number[] = [];
  let state = 0;
  let hidden = 0;
  const take = (id: number): void => {
    const row = EMBED[id] ?? 0;
    state = (state * 31 + row + 1) % 65521;
    seen.push(row);
    hidden = (state + (seen[Math.floor((seen.length - 1) / 2)] ?? 0)) % 65521;
  };
  for (const id of prompt) take(id);
  while (made.length < count) {
    const logits = change(logitsOf(hidden), made);
    const next = logits.indexOf(Math.max(...logits));
    made.push(next);
    take(next);
  }
  return made;
}

function logitsOf(hidden: number): number[] {
  return TABLE.map((value, id) => (value + hidden * (id + 1)) % 1021);
}
