import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import "./gpu.ts";
import { simulate, toyBundle, VOCABULARY } from "./toy_bundle.ts";

// Built, this file is web/build/tests/driver.test.mjs.
const DRIVER = fileURLToPath(new URL("../node_driver.mjs", import.meta.url));

interface Answer {
  readonly kind: string;
  readonly [field: string]: unknown;
}

async function drive(
  commands: readonly object[],
  environment: NodeJS.ProcessEnv = {},
): Promise<{ answers: Answer[]; code: number | null; errors: string }> {
  const child = spawn(process.execPath, [DRIVER], {
    stdio: "pipe",
    env: { ...process.env, ...environment },
  });
  let [out, errors] = ["", ""];
  child.stdout.on("data", (text) => {
    out += text;
  });
  child.stderr.on("data", (text) => {
    errors += text;
  });
  child.stdin.end(commands.map((command) => `${JSON.stringify(command)}\n`).join(""));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  const lines = out.split("\n").filter((line) => line !== "");
  return { answers: lines.map((line) => JSON.parse(line)), code, errors };
}

describe("the Node driver", () => {
  let folder = "";
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "windowseat-"));
    for (const [path, bytes] of toyBundle().files) await writeFile(join(folder, path), bytes);
  });
  after(() => rm(folder, { recursive: true }));

  it("loads a folder and answers every command", async () => {
    const prompt = [1, 2, 3];
    const { answers, code, errors } = await drive([
      { kind: "load", bundle: folder, variant: "base", context: 64 },
      { kind: "greedy", prompt, count: 6 },
      { kind: "logits", prefill: prompt, forced: simulate(prompt, 2) },
      { kind: "bench", prompt: 10, decode: 8 },
    ]);
    assert.equal(code, 0, errors);
    const [ready, greedy, logits, bench] = answers;
    assert.equal(ready?.kind, "ready");
    assert.deepEqual(greedy?.ids, simulate(prompt, 6));
    assert.deepEqual(rowsOf(logits).map(argmax), simulate(prompt, 3));
    assert.deepEqual(bench?.perToken, {
      dispatches: 4,
      passes: 1,
      submits: 1,
      writes: 1,
      bindGroups: 0,
      buffers: 0,
      pipelines: 0,
    });
  });

  it("ends with one sentence and a code of its own when a folder holds no bundle", async () => {
    const { answers, code, errors } = await drive([{ kind: "load", bundle: "/no/such/folder" }]);
    assert.equal(code, 1);
    assert.match(errors, /\/no\/such\/folder\/bundle\.json is missing/);
    assert.equal(answers[0]?.kind, "failed");
  });

  it("ends with code 3 where Dawn finds no GPU, and says what it looks for", async () => {
    const load = { kind: "load", bundle: folder };
    const { code, errors } = await drive([load], { VK_ICD_FILENAMES: "/no/driver.json" });
    assert.equal(code, 3);
    assert.match(errors, /no GPU on this machine.*Vulkan driver.*VK_ICD_FILENAMES/);
  });

  it("ends with code 2 when a command is wrong", async () => {
    const { code, errors } = await drive([{ kind: "dance" }]);
    assert.equal(code, 2);
    assert.match(errors, /kind is "dance", not one of load, logits/);
  });
});

function rowsOf(answer: Answer | undefined): Float32Array[] {
  const rows = Array.isArray(answer?.rows) ? answer.rows : [];
  return rows.map((row) => {
    const bytes = Uint8Array.from(Buffer.from(String(row), "base64"));
    assert.equal(bytes.length, 4 * VOCABULARY);
    return new Float32Array(bytes.buffer);
  });
}

function argmax(row: Float32Array): number {
  return row.indexOf(Math.max(...row));
}
