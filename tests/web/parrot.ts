import type { WindowseatEngine } from "../../web/src/api/engine.ts";
import type { Plan, PlanKernel, Program } from "../../web/src/runtime/format.ts";
import { IM_END, IM_START, type ToyBundle, toyBundle, VOCABULARY } from "./toy_bundle.ts";
import { loadToy } from "./toy_engine.ts";

/**
 * The toy with kernels by which it repeats the last message, so that a test decides what the model answers: words, thoughts,
 * calls. A message of one digit asks for the conversation's message with that number, the tools' own included.
 */

const [THINK, ZERO] = [258, 48];

const REPEAT_WGSL = /* wgsl */ `
struct Scalars { position: i32, tokens: i32 }
@group(0) @binding(0) var<storage, read> embed: array<u32>;
@group(0) @binding(1) var<storage, read_write> hidden: array<u32>;
@group(0) @binding(2) var<storage, read> rows: array<u32>;
@group(0) @binding(3) var<storage, read_write> seen: array<u32>;
@group(0) @binding(4) var<uniform> scalars: Scalars;

fn begins_before(end: i32) -> i32 {
  var at = end - 1;
  while (at > 0 && seen[at] != embed[${IM_START}]) { at--; }
  return max(at, 0);
}

fn message_numbered(number: u32, end: i32) -> i32 {
  var left = number;
  for (var at = 0; at < end; at++) {
    if (seen[at] != embed[${IM_START}]) { continue; }
    if (left == 0) { return at; }
    left--;
  }
  return 0;
}

@compute @workgroup_size(1) fn main() {
  let end = scalars.position + scalars.tokens;
  for (var i = 0; i < scalars.tokens; i++) { seen[scalars.position + i] = rows[i]; }
  let answer = begins_before(end);
  var source = begins_before(answer);
  if (seen[source + 3] == embed[${IM_END}]) {
    for (var digit = 0u; digit < 10; digit++) {
      if (seen[source + 2] == embed[${ZERO} + digit]) { source = message_numbered(digit, answer); }
    }
  }
  // Both begin with the mark and a role's letter; an answer perhaps with the mark of a thought as well.
  let thinks = answer + 2 < end && seen[answer + 2] == embed[${THINK}];
  let made = end - answer - 2 - select(0, 1, thinks);
  hidden[scalars.tokens - 1] = seen[max(source + 2 + made, 0)];
}`;

const HEAD_WGSL = /* wgsl */ `
struct Scalars { tokens: i32 }
@group(0) @binding(0) var<storage, read> embed: array<u32>;
@group(0) @binding(1) var<storage, read> hidden: array<u32>;
@group(0) @binding(2) var<storage, read_write> logits: array<f32>;
@group(0) @binding(3) var<uniform> scalars: Scalars;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) at: vec3u) {
  if (at.x < ${VOCABULARY}u) {
    logits[at.x] = select(0.0, 100.0, embed[at.x] == hidden[scalars.tokens - 1]);
  }
}`;

const TEMPLATE = `{%- if tools -%}<|im_start|>s
{%- for tool in tools %}{{ tool | tojson }}{% endfor %} Call by <tool_call>.<|im_end|>{%- endif -%}
{%- for message in messages -%}
<|im_start|>{{ message.role[0] }}{{ message.content }}
{%- if message.tool_calls %}{% for call in message.tool_calls %}<tool_call>{{ call.function | tojson }}</tool_call>{% endfor %}{% endif -%}
<|im_end|>
{%- endfor -%}
{%- if add_generation_prompt -%}<|im_start|>a{% if enable_thinking %}<think>{% endif %}{%- endif -%}`;

export function parrotBundle(): ToyBundle {
  return toyBundle({ plan: parrotPlan, template: TEMPLATE });
}

/** What has the parrot call a function, in the form that strict tools and forced calls are held to. */
export function callText(name: string, given: object): string {
  const call = `{"name": ${JSON.stringify(name)}, "arguments": ${JSON.stringify(given)}}`;
  return `<tool_call>\n${call}\n</tool_call>`;
}

/** The parrot behind the API, in this thread. */
export function loadParrot(): Promise<WindowseatEngine> {
  return loadToy({ context: 1024 }, parrotBundle());
}

function parrotPlan(usual: Plan): Plan {
  const [embed, , , ...sampling] = usual.kernels;
  if (!embed) throw new Error("The toy's first kernel is no more the embedding.");
  const read = (name: string) => ({ name, access: "read" as const });
  const write = (name: string) => ({ name, access: "read_write" as const });
  const repeat: PlanKernel = {
    name: "repeat",
    entry: "main",
    code: REPEAT_WGSL,
    buffers: [read("embed"), write("hidden"), read("rows"), write("seen")],
    scalars: ["position", "tokens"],
  };
  const head: PlanKernel = {
    name: "head",
    entry: "main",
    code: HEAD_WGSL,
    buffers: [read("embed"), read("hidden"), write("logits")],
    scalars: ["tokens"],
  };
  const [first] = usual.programs.prefill;
  if (!first) throw new Error("The toy's prefill has no step.");
  const steps: Program = [first, { kernel: 1, buffers: namesOf(repeat), grid: [1, 1] }];
  return {
    ...usual,
    buffers: usual.buffers.filter(({ name }) => !name.startsWith("state")),
    kernels: [embed, repeat, head, ...sampling],
    programs: {
      ...usual.programs,
      prefill: steps,
      decode: steps,
      head: [{ kernel: 2, buffers: namesOf(head), grid: [5, 1] }],
    },
  };
}

const namesOf = ({ buffers }: PlanKernel): string[] => buffers.map(({ name }) => name);
