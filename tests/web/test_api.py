"""The npm package: installed from its tarball it runs the examples of the docs, and its types do for strict users."""

import json
import os
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
from windowseat.site_builder.node import find_node
from windowseat.site_builder.runtimes import ICD, SWIFTSHADER

from tests.web.toy_site import EXPECTED, PROMPT, WEB, ToySite

ROOT = WEB.parent
DOCS = ROOT / "docs" / "api"
BLOCKS = re.compile(r"^```(js|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
# Their examples ask little enough of a model that the toy will do.
PAGES = [
    *["loading.md", "chat.md", "completions.md", "openai.md", "errors.md", "sessions.md", "tabs.md"],
    *["ai_sdk.md", "langchain.md", "prompt_api.md"],
]

RUN_TOY = """
import { Windowseat } from "windowseat";
const engine = await Windowseat.load("models/demo");
const request = { prompt: %s, max_tokens: %d, temperature: 0 };
const { choices, usage } = await engine.completions.create(request);
console.log(JSON.stringify([choices[0].text, usage.completion_tokens]));
engine.close();
"""

CONSUMER = """
import { ApiError, type ChatChunk, type LoadProgress, type Message, Windowseat } from "windowseat";

const messages: Message[] = [{ role: "user", content: "Hi" }];
const engine = await Windowseat.load("models/demo/", {
  onProgress: ({ stage, done, total }: LoadProgress) => console.log(stage, done / total),
});
const whole = await engine.chat.completions.create({ messages, n: 2, stop: ["a"] });
const content: string | null | undefined = whole.choices[0]?.message.content;
const chunks: ChatChunk[] = [];
for await (const chunk of await engine.chat.completions.create({ messages, stream: true })) chunks.push(chunk);
const response: Response = await engine.fetch("/v1/models");
// @ts-expect-error A role that there is not.
messages.push({ role: "robot", content: "x" });
// @ts-expect-error Nothing waits for a stream that was not asked for.
for await (const part of whole) console.log(part);
console.log(content, response.status, new Error() instanceof ApiError);
"""

CONSUMER_OF_ADAPTERS = """
import { generateText } from "ai";
import { Windowseat } from "windowseat";
import { windowseat } from "windowseat/ai-sdk";
import { ChatWindowseat } from "windowseat/langchain";
import { type LanguageModelSession, promptApi } from "windowseat/prompt-api";

const engine = await Windowseat.load("models/demo/");
const { text } = await generateText({ model: windowseat(engine), prompt: "Hi" });
const chat = new ChatWindowseat({ engine, settings: { temperature: 0 } });
const tokens: number | undefined = (await chat.invoke(text)).usage_metadata?.total_tokens;
// @ts-expect-error A setting that there is not.
new ChatWindowseat({ engine, settings: { temprature: 0 } });
const api = promptApi((options) => Windowseat.load("models/demo/", options));
const session: LanguageModelSession = await api.create({ samplingMode: "balanced" });
const stream: ReadableStream<string> = session.promptStreaming("Hi");
console.log(tokens, stream, await engine.countTokens({ prompt: text }));
"""


def run(command: list[str], folder: Path) -> str:
    environment = {ICD: str(SWIFTSHADER), **os.environ}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def example(page: str) -> tuple[str, str | None]:
    """The script of a page of the docs, and what the page says that it prints."""
    blocks: dict[str, str] = dict(BLOCKS.findall((DOCS / page).read_text("utf-8")))
    return blocks["js"], blocks.get("text")


def place_demo(folder: Path, bundle: Path) -> None:
    """Makes a bundle the folder's models/demo."""
    (folder / "models").mkdir(exist_ok=True)
    place = folder / "models" / "demo"
    place.unlink(missing_ok=True)
    place.symlink_to(bundle)


def run_example(page: str, folder: Path, bundle: Path) -> None:
    place_demo(folder, bundle)
    script, expected = example(page)
    (folder / "example.mjs").write_text(script, "utf-8")
    printed = run([find_node(), "example.mjs"], folder)
    assert printed.strip() != ""
    assert expected is None or printed == expected


@pytest.fixture(scope="module")
def installed(toy_site: ToySite, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which someone has installed the tarball of the package; the toy is its demo model."""
    node, folder = find_node(), tmp_path_factory.mktemp("package")
    run([node, "node_modules/typescript/bin/tsc", "-p", "tsconfig.package.json"], WEB)
    quiet = ["--ignore-scripts", "--loglevel=error"]
    run(["npm", "pack", *quiet, "--pack-destination", str(folder)], WEB)
    (tarball,) = folder.glob("windowseat-*.tgz")
    (folder / "package.json").write_text('{ "type": "module" }')
    run(["npm", "install", *quiet, "--offline", "--no-audit", "--no-fund", str(tarball)], folder)
    for beside in ("webgpu", "openai", "ai", "@ai-sdk", "@langchain"):
        (folder / "node_modules" / beside).symlink_to(WEB / "node_modules" / beside)
    return folder


def test_the_installed_package_runs_in_node(installed: Path, toy_site: ToySite) -> None:
    place_demo(installed, toy_site.folder / "toy")
    (installed / "run.mjs").write_text(RUN_TOY % (json.dumps(PROMPT), EXPECTED), "utf-8")
    text, tokens = json.loads(run([find_node(), "run.mjs"], installed))
    assert tokens == EXPECTED
    assert text.startswith(bytes(toy_site.ids[:1]).decode("utf-8", "replace"))


@pytest.mark.parametrize(
    ("source", "skip_others"),
    # The packages that the adapters are for have declarations that are not strict themselves.
    [(CONSUMER, "false"), (CONSUMER_OF_ADAPTERS, "true")],
    ids=["the package", "its adapters"],
)
def test_the_types_are_enough_for_a_strict_user(installed: Path, source: str, skip_others: str) -> None:
    (installed / "consumer.ts").write_text(source, "utf-8")
    compiler = str(WEB / "node_modules/typescript/bin/tsc")
    strict = ["--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--lib", "es2022,dom,dom.asynciterable"]
    module = ["--module", "nodenext", "--skipLibCheck", skip_others, "--types", "", "--noEmit"]
    run([find_node(), compiler, *strict, *module, "consumer.ts"], installed)


def test_the_tarball_holds_the_package_and_nothing_else(installed: Path) -> None:
    (tarball,) = installed.glob("windowseat-*.tgz")
    with tarfile.open(tarball) as packed:
        names = {name.removeprefix("package/") for name in packed.getnames()}
    assert {"package.json", "README.md", "build/package/LICENSE"} <= names
    assert {name.split("/")[0] for name in names} == {"package.json", "README.md", "build"}
    package = json.loads((WEB / "package.json").read_text("utf-8"))
    targets = re.findall(r"\./(build/package/[\w./]+)", json.dumps(package["exports"]))
    assert set(targets) <= names
    assert not any("/ui/" in name or ".test." in name for name in names), "the chat page is no part of it"


@pytest.mark.parametrize(
    ("used", "others"),
    [
        ('export { promptApi } from "windowseat/prompt-api"', ["langchain", "v1/", "chat/completions", "Worker"]),
        ('export { ApiError } from "windowseat"', ["chat/completions", "serviceWorker", "Worker"]),
        ('export { windowseat } from "windowseat/ai-sdk"', ["langchain", "chat/completions", "downloadprogress"]),
    ],
)
def test_a_bundle_has_only_what_was_imported(installed: Path, used: str, others: list[str]) -> None:
    source = installed / "used.mjs"
    source.write_text(used, "utf-8")
    options = ["--bundle", "--format=esm", "--conditions=browser", "--log-level=warning"]
    bundled = run([str(WEB / "node_modules/.bin/esbuild"), *options, str(source)], installed)
    assert 0 < len(bundled) < 25_000
    assert [word for word in others if word in bundled] == []


@pytest.mark.parametrize("page", [*PAGES, "../../web/README.md"])
def test_the_example_of_the_docs_runs(installed: Path, toy_site: ToySite, page: str) -> None:
    run_example(page, installed, toy_site.folder / "toy")


@pytest.mark.usefixtures("fast_node")
@pytest.mark.parametrize("page", ["tools.md", "structured.md"])
def test_the_demo_model_does_what_the_docs_say(installed: Path, page: str) -> None:
    run_example(page, installed, ROOT / "dist" / "models" / "demo")


def test_every_page_of_the_docs_has_its_example_run_here() -> None:
    pages = {path.name for path in DOCS.glob("*.md")} - {"README.md"}
    assert pages == {*PAGES, "tools.md", "structured.md"}


def test_every_public_symbol_says_what_it_is() -> None:
    declared = re.compile(r"(?<!\*/\n)^export (?:declare )?(?:interface|type|class|function|const) (\w+)", re.MULTILINE)
    files = ["api/" + name for name in ("types", "engine", "error", "index", "node", "stream", "chat", "completions")]
    adapters = ["ai_sdk/model", "langchain/chat_model"]
    adapters += ["prompt_api/" + name for name in ("types", "session", "language_model")]
    files += ["adapters/" + name for name in adapters]
    bare = {name: declared.findall((WEB / "src" / f"{name}.ts").read_text("utf-8")) for name in files}
    assert {name: found for name, found in bare.items() if found} == {}
