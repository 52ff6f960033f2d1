"""Published test vectors of tokenizers, in Python and in the browser.

The vectors lie in a folder beside the checkout. They were made without Unicode normalisation: where a tokenizer
normalises, a text that is not normalised has other ids, which is right.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from unicodedata import is_normalized

import pytest
from playwright.sync_api import Browser
from tokenizers import Tokenizer

from tests.web.toy_site import copy_scripts

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("WINDOWSEAT_DATA", ROOT.parent / "shared" / "data")) / "tokenizers"
NAMES = ["qwen35", "llama-spm"]

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"{DATA} is not there")


def vectors(name: str) -> list[tuple[str, list[int]]]:
    """Texts with their ids, those that are normalised already."""
    texts = (DATA / f"{name}.inp").read_text("utf-8").split("\n__ggml_vocab_test__\n")
    ids = [[int(word) for word in line.split()] for line in (DATA / f"{name}.out").read_text().split("\n")]
    return [(text, each) for text, each in zip(texts, ids, strict=True) if is_normalized("NFC", text)]


@pytest.mark.parametrize("name", NAMES)
def test_python_gives_the_ids_of_the_vectors(name: str) -> None:
    tokenizer = Tokenizer.from_file(str(DATA / f"{name}.tokenizer.json"))
    expected = vectors(name)
    assert [tokenizer.encode(text, add_special_tokens=False).ids for text, _ in expected] == [ids for _, ids in expected]


@pytest.mark.parametrize("name", NAMES)
def test_the_browser_gives_the_ids_of_the_vectors(
    name: str, node: str, browser: Browser, serve: Callable[[Path], str], tmp_path: Path
) -> None:
    copy_scripts("verify.js", folder=tmp_path)
    shutil.copyfile(DATA / f"{name}.tokenizer.json", tmp_path / "tokenizer.json")
    (tmp_path / "index.html").write_text('<!doctype html><script type="module" src="verify.js"></script>')
    page = browser.new_page()
    page.goto(serve(tmp_path))
    page.wait_for_function("window.windowseat !== undefined")
    expected = vectors(name)
    found = page.evaluate("(texts) => windowseat.encode('tokenizer.json', texts)", [text for text, _ in expected])
    page.close()
    assert found == [ids for _, ids in expected]
