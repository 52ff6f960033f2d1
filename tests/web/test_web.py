"""Runs the TypeScript tests: they are built by esbuild and run by Node on Dawn."""

from __future__ import annotations

import json
import os
import random
import subprocess
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from windowseat.compile.build import Options, build

from tests.compile.tiny_model import CONFIG, write_tiny

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"

# All files but those that tests of their own bring something.
OWN = {"structured", "turns", "tokenizer", "grammar_pace"}
FILES = sorted({path.name.removesuffix(".test.ts") for path in Path(__file__).parent.glob("*.test.ts")} - OWN)
DEMO = {"WINDOWSEAT_DEMO": str(ROOT / "dist" / "models" / "demo")}
# Tokenizers to compare Python and JavaScript on: the demo's own, and any in a folder of test data beside the checkout.
DATA = Path(os.environ.get("WINDOWSEAT_DATA", ROOT.parent / "shared" / "data"))
TOKENIZERS = {
    "demo": ROOT / "compile" / "demo" / "checkpoint" / "tokenizer.json",
    "qwen35": DATA / "tokenizers" / "qwen35.tokenizer.json",
    "llama-spm": DATA / "tokenizers" / "llama-spm.tokenizer.json",
}

# What trips a port of a tokenizer: composed and decomposed letters, marks, joiners, runs of blanks, case folding.
TRAPS = [
    "",
    " ",
    "\n\n \t\r\n  x",
    "Hello, world!  It's 1234567 o'clock; I'LL go.\r\n\r\nYou'Re 12% sure?",
    "e\u0301 é \u1e9b\u0323 \u212b ﬁ",
    "नमस्ते क्षत्रिय, ไทย ภาษา, עִבְרִית",
    "👩\u200d👩\u200d👧\u200d👦 🏳️\u200d🌈 🇫🇷",
    "'\u017f '\u017fx \u212a",
    "日本語のテキスト、한국어 한",
    "a\u00a0b\u2003c\u3000d\u200be\u0085f\ufeffg\u180eh",
    "x = [i**2 for i in range(10)]  # squares\n\tif x:\n\t\tpass\n",
    "½ ² ٣٤ Ⅳ ①",
    "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\nok<|endoftext|>",
]
ALPHABET = "aAzZ sS'\u017fllrRdD09  \t\n\r.,;!?-_()[]{}<>/éüßñ\u0301\u0308\u094dकष\u0627日本語한👍🏽\u200d\ufe0f½٣"


def texts() -> list[str]:
    """The traps, and random strings made of what they are made of: the same ones every time."""
    draw = random.Random(0)
    return TRAPS + ["".join(draw.choices(ALPHABET, k=draw.randrange(1, 40))) for _ in range(300)]


def vectors(path: Path) -> list[str]:
    """The texts of the test vectors beside a tokenizer.json, if there are any."""
    inputs = path.with_name(path.name.replace(".tokenizer.json", ".inp"))
    return inputs.read_text("utf-8").split("\n__ggml_vocab_test__\n") if inputs.suffix == ".inp" else []


def cases(path: Path) -> list[dict[str, object]]:
    tokenizer = Tokenizer.from_file(str(path))
    found: list[dict[str, object]] = []
    for text in texts() + vectors(path):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        found.append({"text": text, "ids": ids, "decoded": tokenizer.decode(ids, skip_special_tokens=True)})
    return found


def run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=WEB, env={**os.environ, **environment}, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compiled model to talk with."""
    folder = tmp_path_factory.mktemp("tiny")
    source = write_tiny(folder / "model", {**CONFIG, "max_position_embeddings": 1024})
    return build(str(source), folder / "models", Options(variants=("software",)), lambda progress: None)


@pytest.mark.parametrize("name", FILES)
def test_the_typescript_tests_pass(node: str, name: str) -> None:
    run([node, "--test", f"build/tests/{name}.test.mjs"], DEMO)


@pytest.mark.usefixtures("fast_node")
def test_the_demo_model_keeps_to_what_is_asked_of_its_answers(node: str) -> None:
    run([node, "--test", "build/tests/structured.test.mjs"], DEMO)


@pytest.mark.usefixtures("fast_node")
def test_the_state_is_always_that_of_the_text_that_was_shown(node: str, tiny: Path) -> None:
    run([node, "--test", "build/tests/turns.test.mjs"], {"WINDOWSEAT_TINY": str(tiny)})


def test_the_api_takes_less_than_50_microseconds_of_a_token(node: str) -> None:
    micros = json.loads(run([node, "build/tests/api_pace.mjs"], {}))
    assert micros["alone"] < 50


@pytest.mark.parametrize("name", TOKENIZERS)
def test_javascript_and_python_tokenize_alike(node: str, name: str, tmp_path: Path) -> None:
    if not (path := TOKENIZERS[name]).is_file():
        pytest.skip(f"{path} is not there")
    expected = tmp_path / "cases.json"
    expected.write_text(json.dumps({name: {"file": str(path), "cases": cases(path)}}), "utf-8")
    run([node, "--test", "build/tests/tokenizer.test.mjs"], {"WINDOWSEAT_TOKENIZER_CASES": str(expected)})


def test_masks_of_a_large_vocabulary_take_less_than_a_step(node: str) -> None:
    if not (path := TOKENIZERS["qwen35"]).is_file():
        pytest.skip(f"{path} is not there")
    run([node, "--test", "build/tests/grammar_pace.test.mjs"], {"WINDOWSEAT_VOCABULARY": str(path)})
