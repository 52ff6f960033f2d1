import { createInterface } from "node:readline";
import { failureOf, messageOf, WindowseatError } from "../runtime/failure.ts";
import { Field } from "../runtime/fields.ts";
import type { ChatMessage, FailureCode, GenerateRequest, Sampling } from "../runtime/messages.ts";
import { type Commands, createCommands } from "../verify/commands.ts";
import { openDawn } from "./dawn.ts";
import { fetchFor } from "./folder.ts";

/**
 * Runs a bundle in Node on Dawn: commands as JSON lines on stdin, answers as JSON lines on stdout.
 *
 * A command that fails ends the process: `failed` on stdout, its sentence on stderr, and an exit code; only a
 * `generate` that fails says so and goes on.
 */

/** Exit codes: 3 where this machine has no GPU that will do, 2 for a command that is wrong, 1 for the rest. */
const EXIT_CODES: Partial<Record<FailureCode, number>> = {
  no_webgpu: 3,
  no_adapter: 3,
  adapter_too_small: 3,
  bad_request: 2,
};

function write(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

const ids = (field: Field): number[] => field.list((id) => id.integer());
const optional = <T>(field: Field, read: (field: Field) => T): T | null =>
  field.value === undefined || field.value === null ? null : read(field);

/** What is no number becomes NaN, which the engine refuses by the setting's name. */
const numberIn = ({ value }: Field): number => (typeof value === "number" ? value : Number.NaN);

function readSampling(sampling: Field): Sampling {
  const number = (name: string, otherwise: number): number =>
    optional(sampling.get(name), numberIn) ?? otherwise;
  const logitBias = optional(sampling.get("logit_bias"), (field) => field.members(numberIn));
  const logprobs = optional(sampling.get("logprobs"), numberIn);
  return {
    temperature: number("temperature", 0),
    top_k: number("top_k", 0),
    top_p: number("top_p", 1),
    min_p: number("min_p", 0),
    seed: number("seed", 0),
    repetition_penalty: number("repetition_penalty", 1),
    presence_penalty: number("presence_penalty", 0),
    frequency_penalty: number("frequency_penalty", 0),
    ...(logitBias !== null && { logit_bias: logitBias }),
    ...(logprobs !== null && { logprobs }),
  };
}

function readRequest(command: Field): GenerateRequest {
  const maxTokens = optional(command.get("maxTokens"), (field) => field.integer(1));
  const thinking = command.get("thinking").value;
  const tools = optional(command.get("tools"), (field) => field.list((tool) => tool.value));
  return {
    id: command.get("id").integer(),
    messages: command.get("messages").list(readMessage),
    sampling: readSampling(command.get("sampling")),
    ...(maxTokens !== null && { maxTokens }),
    ...(typeof thinking === "boolean" && { thinking }),
    ...(tools !== null && { tools }),
  };
}

function readMessage(message: Field): ChatMessage {
  const reasoning = optional(message.get("reasoning_content"), (field) => field.text);
  return {
    role: message.get("role").oneOf(["system", "user", "assistant", "tool"]),
    content: message.get("content").text,
    ...(reasoning !== null && { reasoning_content: reasoning }),
  };
}

/** A command that is known to be well formed; resolves to true when it was the last. */
type Ready = (commands: Commands) => Promise<boolean>;

function parse(line: string): { readonly ready: Ready; readonly urgent: boolean } {
  try {
    const command = new Field("", JSON.parse(line));
    const ready = read(command);
    return { ready, urgent: command.get("kind").value === "stop" };
  } catch (error) {
    throw new WindowseatError("bad_request", `A command is wrong: ${messageOf(error)}.`);
  }
}

function read(command: Field): Ready {
  const kind = command
    .get("kind")
    .oneOf([
      "load",
      "logits",
      "greedy",
      "adapter",
      "time",
      "bench",
      "profile",
      "generate",
      "stop",
      "close",
    ]);
  switch (kind) {
    case "load": {
      const bundle = command.get("bundle").text;
      const variant = optional(command.get("variant"), (field) => field.text);
      const context = optional(command.get("context"), (field) => field.integer(1));
      return answering(async (commands) => ({
        kind: "ready",
        model: await commands.load(bundle, { variant, context }),
      }));
    }
    case "logits": {
      const prefill = ids(command.get("prefill"));
      const forced = optional(command.get("forced"), ids) ?? [];
      return answering(async (commands) => ({
        kind,
        rows: await commands.logits(prefill, forced),
      }));
    }
    case "greedy": {
      const prompt = ids(command.get("prompt"));
      const count = command.get("count").integer(1);
      return answering(async (commands) => ({ kind, ids: await commands.greedy(prompt, count) }));
    }
    case "bench": {
      const prompt = command.get("prompt").integer(1);
      const decode = command.get("decode").integer(1);
      const decodeMs = optional(command.get("decodeMs"), (field) => field.integer(1)) ?? undefined;
      return answering(async (commands) => ({
        kind,
        ...(await commands.bench(prompt, decode, decodeMs)),
      }));
    }
    case "profile": {
      const prompt = command.get("prompt").integer(1);
      const decode = command.get("decode").integer(1);
      return answering(async (commands) => ({ kind, ...(await commands.profile(prompt, decode)) }));
    }
    case "adapter":
      return answering(async (commands) => ({ kind, ...(await commands.adapter()) }));
    case "time": {
      const plan = command.get("plan").text;
      return answering(async (commands) => ({ kind, ...(await commands.time(plan)) }));
    }
    case "generate": {
      const request = readRequest(command);
      return async (commands) => {
        await commands.generate(request, write);
        return false;
      };
    }
    case "stop": {
      const id = command.get("id").integer();
      return async (commands) => {
        commands.stop(id);
        return false;
      };
    }
    case "close":
      return async () => true;
  }
}

function answering(ask: (commands: Commands) => Promise<object>): Ready {
  return async (commands) => {
    write(await ask(commands));
    return false;
  };
}

/** Commands run one after the other; a stop goes past the queue, or it would come after what it stops. */
async function main(): Promise<void> {
  const gpu = openDawn();
  const commands = createCommands(gpu, fetchFor);
  let last: Promise<boolean> = Promise.resolve(false);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === "") continue;
    const { ready, urgent } = parse(line);
    if (urgent) await ready(commands);
    else last = last.then((over) => over || ready(commands)).then(exitWhenOver, fail);
  }
  await last;
}

/** stdin may stay open after a close: leave without waiting for its end. */
function exitWhenOver(over: boolean): boolean {
  if (over) process.exit(0);
  return over;
}

function fail(error: unknown): never {
  const failure = failureOf(error);
  write({ kind: "failed", id: null, failure });
  process.stderr.write(`${failure.message}\n`);
  process.exit(EXIT_CODES[failure.code] ?? 1);
}

// Dawn's threads outlive the last command, and Node would wait for them.
main().then(() => process.exit(0), fail);
