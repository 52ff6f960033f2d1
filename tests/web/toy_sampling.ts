import type { Plan, PlanBuffer, PlanKernel, Step } from "../../web/src/runtime/format.ts";

/** The sampling programs of the toy bundle: as the plan's format has them, but for a draw that is a hash. */

const PENALISE_WGSL = /* wgsl */ `
struct Scalars { frequency_penalty: f32, presence_penalty: f32, repetition_penalty: f32 }
@group(0) @binding(0) var<storage, read> bias: array<f32>;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> raw: array<f32>;
@group(0) @binding(3) var<storage, read> occurrences: array<u32>;
@group(0) @binding(4) var<uniform> scalars: Scalars;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) at: vec3u) {
  if (at.x >= arrayLength(&logits)) { return; }
  raw[at.x] = logits[at.x];
  var z = logits[at.x] + bias[at.x];
  if (occurrences[at.x] > 0u) { z = select(z * scalars.repetition_penalty, z / scalars.repetition_penalty, z > 0); }
  let times = f32(occurrences[at.x] & 0x7fffffffu);
  logits[at.x] = z - scalars.frequency_penalty * times - select(0, scalars.presence_penalty, times > 0);
}`;

const MASK_WGSL = /* wgsl */ `
@group(0) @binding(0) var<storage, read> allowed: array<u32>;
@group(0) @binding(1) var<storage, read_write> logits: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) at: vec3u) {
  if (at.x >= arrayLength(&logits)) { return; }
  if (((allowed[at.x / 32] >> (at.x % 32)) & 1) == 0) { logits[at.x] = -1e30; }
}`;

const SAMPLE_WGSL = /* wgsl */ `
struct Scalars { grid_limit: u32 }
@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> tokens: array<u32>;
@group(0) @binding(2) var<uniform> scalars: Scalars;
@compute @workgroup_size(1) fn main() {
  var best = 0u;
  for (var id = 1u; id < arrayLength(&logits); id++) { if (logits[id] > logits[best]) { best = id; } }
  if (scalars.grid_limit != 4294967295u) { best = 0u; }
  tokens[0] = best;
}`;

const DRAW_WGSL = /* wgsl */ `
struct Scalars {
  min_p: f32, position: i32, seed: u32, temperature: f32, tokens: i32, top_k: i32, top_p: f32
}
@group(0) @binding(0) var<storage, read_write> tokens: array<u32>;
@group(0) @binding(1) var<uniform> scalars: Scalars;
@compute @workgroup_size(1) fn main() {
  let settings = vec4f(scalars.temperature, f32(scalars.top_k), scalars.top_p, scalars.min_p);
  let drawn = (scalars.seed ^ (u32(scalars.position + scalars.tokens) * 2654435769u)) % 200u;
  tokens[0] = select(0u, drawn, all(settings == vec4f(0.5, 3, 0.25, 0.125)));
}`;

const COUNT_WGSL = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> occurrences: array<u32>;
@group(0) @binding(1) var<storage, read> tokens: array<u32>;
@compute @workgroup_size(1) fn main() { occurrences[tokens[0]] += 1u; }`;

const LOGPROBS_WGSL = /* wgsl */ `
@group(0) @binding(0) var<storage, read_write> logprobs: array<u32>;
@group(0) @binding(1) var<storage, read> raw: array<f32>;
@group(0) @binding(2) var<storage, read> tokens: array<u32>;
@compute @workgroup_size(1) fn main() {
  logprobs[0] = bitcast<u32>(raw[tokens[0]]);
  for (var nth = 0u; nth < 20u; nth++) {
    var best = -1e9;
    for (var id = 0u; id < arrayLength(&raw); id++) {
      var taken = false;
      for (var i = 0u; i < nth; i++) { taken = taken || logprobs[1u + i] == id; }
      if (!taken && raw[id] > best) { best = raw[id]; logprobs[1u + nth] = id; }
    }
    logprobs[21u + nth] = bitcast<u32>(best);
  }
}`;

const read = (name: string) => ({ name, access: "read" as const });
const write = (name: string) => ({ name, access: "read_write" as const });

const kernel = (
  name: string,
  code: string,
  buffers: PlanKernel["buffers"],
  scalars: PlanKernel["scalars"] = [],
): PlanKernel => ({ name, entry: "main", code, buffers, scalars });

export const SAMPLING_KERNELS: readonly PlanKernel[] = [
  kernel(
    "penalise",
    PENALISE_WGSL,
    [read("bias"), write("logits"), write("raw"), read("occurrences")],
    ["frequency_penalty", "presence_penalty", "repetition_penalty"],
  ),
  kernel("mask", MASK_WGSL, [read("allowed"), write("logits")]),
  kernel("sample", SAMPLE_WGSL, [read("logits"), write("tokens")], ["grid_limit"]),
  kernel(
    "draw",
    DRAW_WGSL,
    [write("tokens")],
    ["min_p", "position", "seed", "temperature", "tokens", "top_k", "top_p"],
  ),
  kernel("count", COUNT_WGSL, [write("occurrences"), read("tokens")]),
  kernel("logprobs", LOGPROBS_WGSL, [write("logprobs"), read("raw"), read("tokens")]),
];

/** One step for each program; the kernels begin at this place in the plan. */
export function samplingPrograms(
  first: number,
  vocabulary: number,
): Pick<Plan["programs"], "penalise" | "mask" | "sample" | "draw" | "count" | "logprobs"> {
  const step = (nth: number, groups = 1): Step[] => {
    const buffers = SAMPLING_KERNELS[nth]?.buffers.map(({ name }) => name) ?? [];
    return [{ kernel: first + nth, buffers, grid: [groups, 1] }];
  };
  return {
    penalise: step(0, Math.ceil(vocabulary / 64)),
    mask: step(1, Math.ceil(vocabulary / 64)),
    sample: step(2),
    draw: step(3),
    count: step(4),
    logprobs: step(5),
  };
}

export function samplingBuffers(vocabulary: number): PlanBuffer[] {
  const io = (name: string, words: number): PlanBuffer => ({
    name,
    role: "io",
    bytes: 4 * words,
    bytes_per_position: 0,
  });
  return [
    io("bias", vocabulary),
    io("occurrences", vocabulary),
    io("raw", vocabulary),
    io("allowed", Math.ceil(vocabulary / 32)),
    io("logprobs", 41),
  ];
}
