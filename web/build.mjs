// Builds everything that is made from TypeScript into build/: `node build.mjs`.
// `node build.mjs --types` only writes src/runtime/format.ts, for the type checker.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";
import { compile } from "json-schema-to-typescript";

const web = dirname(fileURLToPath(import.meta.url));
const tests = join(web, "../tests/web");
const pageTests = join(web, "../tests/page");

/** The two schemas are the only written text of the format: the types are read off them at every build. */
async function writeFormatTypes() {
  const parts = ["// Made by build.mjs from compile/*.schema.json; change those instead.\n"];
  for (const name of ["bundle", "plan"]) {
    const schema = JSON.parse(await readFile(join(web, `../compile/${name}.schema.json`), "utf8"));
    parts.push(await compile(schema, schema.title, { bannerComment: "", format: false }));
  }
  const text = parts.join("\n");
  const path = join(web, "src/runtime/format.ts");
  if (!existsSync(path) || (await readFile(path, "utf8")) !== text) await writeFile(path, text);
}

/**
 * XGrammar's package makes one instance as it is loaded, and finds out where it runs. This makes it a module that gives a
 * function instead: each call is a new instance, for one that was given a grammar it cannot read is broken for good; it has
 * nothing but WebAssembly, and says what it has to say to the console it is given.
 */
const xgrammarInstances = {
  name: "xgrammar-instances",
  setup(builder) {
    const place = join(web, "node_modules/@mlc-ai/web-xgrammar/lib/index.js");
    builder.onResolve({ filter: /^xgrammar-instances$/ }, () => ({ path: place, namespace: "xg" }));
    builder.onLoad({ filter: /.*/, namespace: "xg" }, async ({ path }) => {
      const source = (await readFile(path, "utf8")).replace(/\/\/# sourceMappingURL=.*/, "");
      // Only Node would ask for it, and an instance takes itself to be nowhere.
      const nowhere = source.replaceAll("import('module')", "undefined");
      if (nowhere === source) throw new Error(`${path} has changed; look at how it is loaded.`);
      const globals = "process, document, window, importScripts, require, __filename";
      return {
        contents: `export function createXGrammar(console) {
          const module = { exports: {} }, exports = module.exports, location = { href: "" };
          let ${globals};
          ${nowhere}
          return module.exports;
        }`,
      };
    });
  },
};

/** In the package the grammar engine is one script beside those that use it, which fetch it at its first use. */
const lazyGrammar = {
  name: "lazy-grammar",
  setup(builder) {
    builder.onResolve({ filter: /\/grammar\/grammar\.ts$/ }, ({ kind }) =>
      kind === "dynamic-import" ? { path: "./grammar.js", external: true } : undefined,
    );
  },
};
const GRAMMAR = "src/grammar/grammar.ts";

/** The widget's worker is one script that other sites start from memory, and its panel asks for nothing but text. */
const noGrammar = {
  name: "no-grammar",
  setup(builder) {
    const path = join(web, "src/widget/no_grammar.ts");
    builder.onResolve({ filter: /\/grammar\/grammar\.ts$/ }, ({ kind }) =>
      kind === "dynamic-import" ? { path } : undefined,
    );
  },
};

const common = {
  bundle: true,
  format: "esm",
  target: "es2022",
  absWorkingDir: web,
  logLevel: "warning",
  plugins: [
    xgrammarInstances,
    { name: "styles", setup: (plugin) => plugin.onLoad({ filter: /\.css$/ }, readStyle) },
  ],
};

/** A style sheet as text, for shadow trees, without its comments and spaces. */
async function readStyle({ path }) {
  const { code } = await transform(await readFile(path, "utf8"), { loader: "css", minify: true });
  return { contents: code, loader: "text" };
}

/** Scripts of pages, whose shared and lazily loaded parts become chunks of their own. */
const PAGE_SCRIPTS = {
  frame: "src/site/frame.ts",
  chat: "src/ui/chat.ts",
  examples: "src/site/examples.ts",
  will_it_run: "src/site/will_it_run.ts",
  embed: "src/widget/embed.ts",
  widget_frame: "src/widget/frame_panel.ts",
  widget_panel: "src/widget/panel.ts",
};

/**
 * The site's scripts, under names that hold a hash of their content: what a page imports it finds by these names, and any
 * host may keep them for ever. scripts.json says which file is which script, and what it imports before it runs.
 */
async function buildSite() {
  const worker = await buildScripts({ engine_worker: "src/engine/worker.ts" });
  const { file } = worker.find(({ name }) => name === "engine_worker.js");
  const define = { ENGINE_WORKER: JSON.stringify(file) };
  const scripts = [
    ...worker,
    ...(await buildScripts(PAGE_SCRIPTS, define)),
    // Other sites start it from memory, where it has no neighbours to import.
    ...(await buildScripts(
      { widget_worker: "src/engine/worker.ts" },
      {},
      {
        splitting: false,
        plugins: [...common.plugins, noGrammar],
      },
    )),
    // On its own, so that tests and benchmarks can take it elsewhere.
    ...(await buildScripts({ verify: "src/verify/verify.ts" }, define)),
  ];
  // Browsers find a new version of it under the old name.
  await build({
    ...common,
    entryPoints: { offline_worker: "src/site/offline_worker.ts" },
    outdir: "build/site",
    platform: "browser",
    format: "iife",
    minify: true,
  });
  // Shown on the page that runs them.
  await cp(join(web, "examples"), join(web, "build/examples"), { recursive: true });
  await buildWidget(scripts);
  await writeFile(join(web, "build/site/scripts.json"), JSON.stringify(scripts, null, 1));
  const present = new Set([
    "scripts.json",
    "offline_worker.js",
    "widget.js",
    ...scripts.map(({ file }) => file),
  ]);
  for (const name of await readdir(join(web, "build/site"))) {
    if (!present.has(name)) await rm(join(web, "build/site", name));
  }
}

/** The script that other sites name, under a name that stays; it knows the names and hashes of what it loads later. */
async function buildWidget(scripts) {
  const files = new Map(scripts.map((script) => [script.file, script]));
  const fileOf = (wanted) => scripts.find(({ name }) => name === wanted).file;
  const near = (file) => [file, ...files.get(file).imports.flatMap(near)];
  const described = async (file) => {
    const hash = createHash("sha384").update(await readFile(join(web, "build/site", file)));
    return { file, integrity: `sha384-${hash.digest("base64")}` };
  };
  /** A script, and then all that it imports before it runs. */
  const whole = (name) => Promise.all([...new Set(near(fileOf(name)))].map(described));
  const define = {
    worker: await described(fileOf("widget_worker.js")),
    panel: await whole("widget_panel.js"),
    frame: await whole("widget_frame.js"),
  };
  await build({
    ...common,
    entryPoints: { widget: "src/widget/script.ts" },
    define: { WIDGET_FILES: JSON.stringify(define) },
    outdir: "build/site",
    platform: "browser",
    minify: true,
  });
}

/** Builds scripts into build/site; gives each one's and each chunk's name, file, and what it imports at once. */
async function buildScripts(entryPoints, define = {}, more = {}) {
  const { metafile } = await build({
    ...common,
    entryPoints,
    define,
    outdir: "build/site",
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    platform: "browser",
    splitting: true,
    minify: true,
    legalComments: "eof",
    metafile: true,
    ...more,
  });
  const entryOf = new Map(Object.entries(entryPoints).map(([name, source]) => [source, name]));
  // Loaded by its importer, under a name by which the offline worker leaves it to the network.
  entryOf.set(GRAMMAR, "grammar");
  return Object.entries(metafile.outputs).map(([path, { entryPoint, imports }]) => ({
    name: entryOf.has(entryPoint) ? `${entryOf.get(entryPoint)}.js` : basename(path),
    file: basename(path),
    imports: imports
      .filter(({ kind }) => kind === "import-statement")
      .map((imported) => basename(imported.path)),
  }));
}

/** Scripts for tests of parts that need a page. */
async function buildPageTests() {
  const outdir = "build/page_tests";
  await rm(join(web, outdir), { recursive: true, force: true });
  const names = existsSync(pageTests) ? await readdir(pageTests) : [];
  await build({
    ...common,
    outdir,
    platform: "browser",
    splitting: true,
    entryPoints: names.filter((name) => name.endsWith(".ts")).map((name) => join(pageTests, name)),
    nodePaths: [join(web, "node_modules")],
  });
}

/** The package: readable modules, whose own users minify them, with everything in them that they need. */
async function buildPackage() {
  const outdir = "build/package";
  await mkdir(join(web, outdir), { recursive: true });
  await copyFile(join(web, "../LICENSE"), join(web, outdir, "LICENSE"));
  const plugins = [...common.plugins, lazyGrammar];
  const options = { ...common, outdir, legalComments: "eof", plugins };
  await Promise.all([
    build({
      ...options,
      platform: "browser",
      external: ["@langchain/core"],
      entryPoints: {
        index: "src/api/index.ts",
        ai_sdk: "src/adapters/ai_sdk/model.ts",
        langchain: "src/adapters/langchain/chat_model.ts",
        prompt_api: "src/adapters/prompt_api/language_model.ts",
        worker: "src/engine/worker.ts",
        grammar: GRAMMAR,
        service_worker: "src/api/service_worker.ts",
      },
    }),
    build({
      ...options,
      platform: "node",
      external: ["webgpu"],
      splitting: true,
      chunkNames: "[name]",
      entryPoints: { node: "src/api/node.ts" },
    }),
  ]);
}

/** Scripts that Node runs; Dawn's native module stays outside of the bundle. */
async function buildNode() {
  const node = {
    ...common,
    platform: "node",
    external: ["webgpu"],
    outExtension: { ".js": ".mjs" },
  };
  await build({ ...node, entryPoints: { node_driver: "src/node/driver.ts" }, outdir: "build" });
  const sources = existsSync(tests) ? await readdir(tests) : [];
  const scripts = ["toy_folder.ts", "api_pace.ts", "constrained_pace.ts", "state_pace.ts"];
  const names = sources.filter((name) => name.endsWith(".test.ts") || scripts.includes(name));
  await rm(join(web, "build/tests"), { recursive: true, force: true });
  await build({
    ...node,
    entryPoints: Object.fromEntries(
      names.map((name) => [basename(name, ".ts"), join(tests, name)]),
    ),
    outdir: "build/tests",
    // Packages stay as their users have them, some in CommonJS; the type checker's paths would bring them in.
    packages: "external",
    tsconfigRaw: {},
    sourcemap: "inline",
  });
}

await writeFormatTypes();
if (!process.argv.includes("--types")) {
  await mkdir(join(web, "build"), { recursive: true });
  await Promise.all([buildSite(), buildPackage(), buildNode(), buildPageTests()]);
}
