import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Counting, countCalls } from "../../web/src/bench/count_calls.ts";
import { tapGpu } from "../../web/src/bench/tap.ts";
import { openBundle } from "../../web/src/runtime/files.ts";
import type { LoadOptions } from "../../web/src/runtime/load.ts";
import { Model } from "../../web/src/runtime/model.ts";
import { gpu } from "./gpu.ts";
import { type ToyBundle, toyBundle } from "./toy_bundle.ts";
import { breaksAfter, failsWith, load } from "./toy_load.ts";

function put(toy: ToyBundle, path: string, text: string): void {
  toy.files.set(path, new TextEncoder().encode(text));
}

describe("a manifest", () => {
  it("that is missing is named", async () => {
    const toy = toyBundle();
    toy.files.delete("bundle.json");
    const opening = openBundle("http://toy", { fetch: toy.fetch });
    await assert.rejects(opening, failsWith("missing_file", /http:\/\/toy\/bundle\.json.*404/));
  });

  it("that is a web page, as servers send for any address, is told apart", async () => {
    const toy = toyBundle();
    put(toy, "bundle.json", "<!doctype html>");
    const opening = openBundle("http://toy", { fetch: toy.fetch });
    await assert.rejects(opening, failsWith("damaged_file", /not JSON; check that the address/));
  });

  it("of a newer version says to update the page or to build again", async () => {
    const toy = toyBundle();
    put(toy, "bundle.json", '{"format": "windowseat-bundle", "version": 2, "new": true}');
    const opening = openBundle("http://toy", { fetch: toy.fetch });
    await assert.rejects(opening, failsWith("unknown_version", /version 2 .* update the page, or/));
  });

  it("with a field of the wrong kind is refused at its place", async () => {
    const toy = toyBundle();
    const wrong = { ...toy.manifest, weights: { ...toy.manifest.weights, tensors: [{ name: 3 }] } };
    put(toy, "bundle.json", JSON.stringify(wrong));
    const opening = openBundle("http://toy", { fetch: toy.fetch });
    await assert.rejects(opening, failsWith("damaged_file", /weights\.tensors\[0\]\.name is 3/));
  });

  it("whose shards do not hold its weights is refused", async () => {
    const toy = toyBundle();
    const wrong = { ...toy.manifest, weights: { ...toy.manifest.weights, bytes: 9999 } };
    put(toy, "bundle.json", JSON.stringify(wrong));
    const opening = openBundle("http://toy", { fetch: toy.fetch });
    await assert.rejects(opening, failsWith("damaged_file", /shard weights-0004\.bin/));
  });
});

describe("loading", () => {
  it("reports every byte of the weights and every kernel", async () => {
    const seen: string[] = [];
    const model = await load(toyBundle(), {
      onProgress: (stage, done, total) => {
        seen.push(`${stage} ${done}/${total}`);
      },
    });
    assert.ok(seen.includes("weights 2324/2324"), seen.join());
    assert.equal(seen.at(-1), "kernels 9/9");
    model.close();
  });

  it("runs every kernel once, those for later positions too", async () => {
    const tap = tapGpu(gpu);
    let counting: Counting | undefined;
    let kernels = 0;
    const toy = toyBundle({
      plan: (usual) => {
        const all = [...usual.kernels, ...usual.kernels.slice(0, 1)];
        const late = usual.programs.decode.slice(0, 1).map((step) => ({
          ...step,
          kernel: usual.kernels.length,
          past: 50,
        }));
        kernels = all.length;
        const decode = [...usual.programs.decode, ...late];
        return { ...usual, kernels: all, programs: { ...usual.programs, decode } };
      },
    });
    const onProgress = (): void => {
      if (tap.device) counting ??= countCalls(tap.device);
    };
    const model = await load(toy, { gpu: tap.gpu, onProgress });
    assert.equal(counting?.counts.dispatches, kernels);
    model.close();
  });

  it("names a shard that is missing", async () => {
    const toy = toyBundle();
    toy.files.delete("weights-0002.bin");
    await assert.rejects(load(toy), failsWith("missing_file", /weights-0002\.bin is missing.*404/));
  });

  it("names a shard with one wrong bit", async () => {
    const toy = toyBundle();
    const shard = toy.files.get("weights-0003.bin");
    if (shard) shard[100] = (shard[100] ?? 0) ^ 1;
    await assert.rejects(load(toy), failsWith("damaged_file", /weights-0003\.bin is damaged.*SHA/));
  });

  it("names a shard that was cut short", async () => {
    const toy = toyBundle();
    toy.files.set("weights-0001.bin", new Uint8Array(500));
    const pattern = /weights-0001\.bin is truncated: 500 of 512/;
    await assert.rejects(load(toy), failsWith("damaged_file", pattern));
  });

  it("names a shard that goes on too long", async () => {
    const toy = toyBundle();
    toy.files.set("weights-0001.bin", new Uint8Array(513));
    await assert.rejects(load(toy), failsWith("damaged_file", /weights-0001\.bin.*longer than/));
  });

  it("checks the plan against its hash as well", async () => {
    const toy = toyBundle();
    const text = new TextDecoder().decode(toy.files.get("plan-base.json"));
    put(toy, "plan-base.json", text.replace("31u", "32u"));
    await assert.rejects(load(toy), failsWith("damaged_file", /plan-base\.json is damaged/));
  });

  it("names a state that a chunk would keep nowhere", async () => {
    const toy = toyBundle({
      plan: (usual) => ({
        ...usual,
        buffers: usual.buffers.filter(({ role }) => role !== "kept"),
      }),
    });
    const pattern =
      /plan-base\.json .*the state state has no state\.kept of its size; reload the page, or build/;
    await assert.rejects(load(toy), failsWith("damaged_file", pattern));
  });

  it("asks past the cache when a file is not the one of the manifest", async () => {
    const toy = toyBundle();
    const caches: (string | undefined)[] = [];
    const model = await load(toy, {}, async (url, init) => {
      if (!url.endsWith("weights-0000.bin")) return await toy.fetch(url, init);
      caches.push(init.cache);
      const stale = new Response(new Uint8Array(512));
      return init.cache === "reload" ? await toy.fetch(url, init) : stale;
    });
    assert.deepEqual(caches, ["default", "reload"]);
    model.close();
  });

  it("tries twice more when the network fails, and takes back the progress of the failed tries", async () => {
    const toy = toyBundle();
    let tries = 0;
    let most = 0;
    const onProgress: LoadOptions["onProgress"] = (stage, done) => {
      if (stage === "weights") most = Math.max(most, done);
    };
    const model = await load(toy, { onProgress }, async (url, init) => {
      if (!url.endsWith("weights-0000.bin")) return await toy.fetch(url, init);
      tries += 1;
      if (tries === 1) throw new TypeError("network down");
      return tries === 2 ? breaksAfter() : await toy.fetch(url, init);
    });
    assert.equal(tries, 3);
    assert.equal(most, 2324);
    model.close();
  });

  it("ends when it is cancelled, and fetches nothing after that", async () => {
    const toy = toyBundle();
    const stop = new AbortController();
    const loading = load(toy, {
      signal: stop.signal,
      onProgress: (stage, done) => {
        if (stage === "weights" && done > 0) stop.abort(new Error("changed my mind"));
      },
    });
    await assert.rejects(loading, /changed my mind/);
    const asked = toy.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(toy.asked.length, asked);
  });

  it("asks for nothing more once a shard has failed", async () => {
    const toy = toyBundle();
    toy.files.delete("weights-0000.bin");
    const loading = load(toy, {}, async (url, init) => {
      if (!/weights-000[123]/.test(url)) return await toy.fetch(url, init);
      await new Promise((resolve) => setTimeout(resolve, 20));
      return await toy.fetch(url, init);
    });
    await assert.rejects(loading, failsWith("missing_file", /weights-0000/));
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(!toy.asked.includes("weights-0004.bin"), toy.asked.join());
  });

  it("leaves a lane the memory that it reads into, whatever else fails", async () => {
    for (const fails of ["a shard", "a kernel"]) {
      const toy = toyBundle({
        plan: (usual) => {
          const kernels = usual.kernels.map((kernel) => ({ ...kernel, code: "not WGSL" }));
          return fails === "a kernel" ? { ...usual, kernels } : usual;
        },
      });
      const bundle = await openBundle("http://toy", { fetch: toy.fetch });
      const left: number[] = [];
      const read: typeof bundle.read = async (path, options = {}) => {
        if (options.into === undefined) return await bundle.read(path, options);
        if (fails === "a shard" && path === "weights-0000.bin") throw new Error("no shard");
        await new Promise((resolve) => setTimeout(resolve, 100));
        left.push(options.into.byteLength);
        return await bundle.read(path, { ...options, signal: AbortSignal.timeout(1000) });
      };
      await assert.rejects(Model.load({ ...bundle, read }, { gpu }));
      assert.ok(left.length > 0, fails);
      assert.ok(!left.includes(0), fails);
    }
  });

  it("fetches three shards at once and has at most four in memory, copies included", async () => {
    const toy = toyBundle();
    let now = 0;
    let most = 0;
    const bundle = await openBundle("http://toy/", {
      fetch: async (url, init) => {
        if (!url.includes("weights")) return await toy.fetch(url, init);
        now += 1;
        most = Math.max(most, now);
        await new Promise((resolve) => setTimeout(resolve, 20));
        now -= 1;
        return await toy.fetch(url, init);
      },
    });
    const model = await Model.load(bundle, { gpu });
    assert.equal(most, 3);
    assert.equal(bundle.traffic().mostShards, 4);
    model.close();
  });

  it("takes up a broken connection where it broke", async () => {
    const toy = toyBundle();
    const { asked, most, model } = await loadBreaking(toy, toy.files.get("weights-0000.bin"));
    assert.deepEqual(asked, [undefined, "bytes=100-"]);
    assert.equal(most, 2324);
    model.close();
  });

  it("starts again when what it took up belongs to another version", async () => {
    const toy = toyBundle();
    const { asked, most, model } = await loadBreaking(toy, new Uint8Array(512));
    assert.deepEqual(asked, [undefined, "bytes=100-", undefined]);
    assert.equal(most, 2324);
    model.close();
  });

  it("names the kernel that does not compile, with the compiler's words", async () => {
    const toy = toyBundle({
      plan: (plan) => ({
        ...plan,
        kernels: plan.kernels.map((kernel) =>
          kernel.name === "head" ? { ...kernel, code: `${kernel.code} fn broken( {` } : kernel,
        ),
      }),
    });
    await assert.rejects(load(toy), failsWith("internal", /the kernel head.*expected/s));
  });

  it("names a buffer that no one has", async () => {
    const toy = toyBundle({
      plan: (plan) => ({ ...plan, buffers: plan.buffers.filter(({ name }) => name !== "seen") }),
    });
    await assert.rejects(load(toy), failsWith("damaged_file", /recur binds seen/));
  });
});

/** Loads with a first connection that breaks after 100 bytes; a rest that is asked for is cut from `file`. */
async function loadBreaking(toy: ToyBundle, file: Uint8Array<ArrayBuffer> = new Uint8Array()) {
  const asked: (string | undefined)[] = [];
  let most = 0;
  const onProgress: LoadOptions["onProgress"] = (stage, done) => {
    if (stage === "weights") most = Math.max(most, done);
  };
  const model = await load(toy, { onProgress }, async (url, init) => {
    if (!url.endsWith("weights-0000.bin")) return await toy.fetch(url, init);
    const range = init.headers?.range;
    asked.push(range);
    if (asked.length === 1) return breaksAfter(toy.files.get("weights-0000.bin")?.slice(0, 100));
    if (range === undefined) return await toy.fetch(url, init);
    const headers = { "content-range": "bytes 100-511/512" };
    return new Response(file.slice(100), { status: 206, headers });
  });
  return { asked, most, model };
}
