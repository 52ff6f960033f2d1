"""The npm package: installed from its tarball it runs the examples of the docs, and its types do for strict users."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from windowseat.site_builder.node import find_node

from tests.web.toy_site import EXPECTED, PROMPT, WEB, ToySite

ROOT = WEB.parent
DOCS = ROOT / "docs" / "api"
SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")
BLOCKS = re.compile(r"^```(js|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)

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


def run(command: list[str], folder: Path) -> str:
    environment = dict(os.environ)
    if SWIFTSHADER.is_file():
        environment["VK_ICD_FILENAMES"] = str(SWIFTSHADER)  # other tests choose another driver, which Dawn refuses
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
    for beside in ("webgpu", "openai"):
        (folder / "node_modules" / beside).symlink_to(WEB / "node_modules" / beside)
    return folder


def test_the_installed_package_runs_in_node(installed: Path, toy_site: ToySite) -> None:
    place_demo(installed, toy_site.folder / "toy")
    (installed / "run.mjs").write_text(RUN_TOY % (json.dumps(PROMPT), EXPECTED), "utf-8")
    text, tokens = json.loads(run([find_node(), "run.mjs"], installed))
    assert tokens == EXPECTED
    assert text.startswith(bytes(toy_site.ids[:1]).decode("utf-8", "replace"))


def test_the_types_are_enough_for_a_strict_user(installed: Path) -> None:
    (installed / "consumer.ts").write_text(CONSUMER, "utf-8")
    compiler = str(WEB / "node_modules/typescript/bin/tsc")
    strict = ["--strict", "--exactOptionalPropertyTypes", "--target", "es2022", "--lib", "es2022,dom,dom.asynciterable"]
    module = ["--module", "nodenext", "--skipLibCheck", "false", "--types", "", "--noEmit"]
    run([find_node(), compiler, *strict, *module, "consumer.ts"], installed)


@pytest.mark.parametrize("page", ["loading.md", "chat.md", "completions.md", "openai.md", "errors.md"])
def test_the_example_of_the_docs_runs(installed: Path, toy_site: ToySite, page: str) -> None:
    run_example(page, installed, toy_site.folder / "toy")


def test_the_demo_model_calls_a_tool_and_answers_from_its_result(installed: Path) -> None:
    run_example("tools.md", installed, ROOT / "dist" / "models" / "demo")


def test_every_page_of_the_docs_has_its_example_run_here() -> None:
    pages = {path.name for path in DOCS.glob("*.md")} - {"README.md"}
    assert pages == {"loading.md", "chat.md", "completions.md", "openai.md", "errors.md", "tools.md"}
