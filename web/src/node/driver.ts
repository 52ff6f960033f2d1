import { createInterface } from "node:readline";
import { failureOf, WindowseatError } from "../runtime/failure.ts";
import { Field } from "../runtime/fields.ts";
import { messageOf } from "../runtime/message_of.ts";
import type { FailureCode } from "../runtime/messages.ts";
import { type Commands, createCommands } from "../verify/commands.ts";
import { openDawn } from "./dawn.ts";
import { fetchFor } from "./folder.ts";

/**
 * Runs a bundle in Node on Dawn: commands as JSON lines on stdin, answers as JSON lines on stdout.
 *
 * A command that fails ends the process: `failed` on stdout, its sentence on stderr, and an exit code.
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

/** A command that is known to be well formed: gives its answer. */
type Ready = (commands: Commands) => Promise<object>;

function parse(line: string): Ready {
  try {
    return read(new Field("", JSON.parse(line)));
  } catch (error) {
    throw new WindowseatError("bad_request", `A command is wrong: ${messageOf(error)}.`);
  }
}

function read(command: Field): Ready {
  const kind = command
    .get("kind")
    .oneOf(["load", "logits", "greedy", "adapter", "time", "bench", "profile"]);
  switch (kind) {
    case "load": {
      const bundle = command.get("bundle").text;
      const variant = optional(command.get("variant"), (field) => field.text);
      const context = optional(command.get("context"), (field) => field.integer(1));
      return async (commands) => ({
        kind: "ready",
        model: await commands.load(bundle, { variant, context }),
      });
    }
    case "logits": {
      const prefill = ids(command.get("prefill"));
      const forced = optional(command.get("forced"), ids) ?? [];
      return async (commands) => ({
        kind,
        rows: await commands.logits(prefill, forced),
      });
    }
    case "greedy": {
      const prompt = ids(command.get("prompt"));
      const count = command.get("count").integer(1);
      return async (commands) => ({ kind, ids: await commands.greedy(prompt, count) });
    }
    case "bench": {
      const prompt = command.get("prompt").integer(1);
      const decode = command.get("decode").integer(1);
      const decodeMs = optional(command.get("decodeMs"), (field) => field.integer(1)) ?? undefined;
      return async (commands) => ({
        kind,
        ...(await commands.bench(prompt, decode, decodeMs)),
      });
    }
    case "profile": {
      const prompt = command.get("prompt").integer(1);
      const decode = command.get("decode").integer(1);
      return async (commands) => ({ kind, ...(await commands.profile(prompt, decode)) });
    }
    case "adapter":
      return async (commands) => ({ kind, ...(await commands.adapter()) });
    case "time": {
      const plan = command.get("plan").text;
      return async (commands) => ({ kind, ...(await commands.time(plan)) });
    }
  }
}

async function main(): Promise<void> {
  const commands = createCommands(openDawn(), fetchFor);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() !== "") write(await parse(line)(commands));
  }
}

function fail(error: unknown): never {
  const failure = failureOf(error);
  write({ kind: "failed", id: null, failure });
  process.stderr.write(`${failure.message}\n`);
  process.exit(EXIT_CODES[failure.code] ?? 1);
}

// Dawn's threads outlive the last command, and Node would wait for them.
main().then(() => process.exit(0), fail);
