"""A tokenizer that was made larger for the sake of a benchmark."""

import shutil
from pathlib import Path

import windowseat.compile
from tokenizers import Tokenizer
from windowseat.compile.random_tokenizer import grow_tokenizer

DEMO = Path(windowseat.compile.__file__).parent / "demo" / "checkpoint" / "tokenizer.json"


def test_it_has_so_many_tokens_and_reads_the_same_texts(tmp_path: Path) -> None:
    file = Path(shutil.copy(DEMO, tmp_path))
    before = Tokenizer.from_file(str(file))
    grow_tokenizer(file, 70_000)
    grown = Tokenizer.from_file(str(file))
    assert grown.get_vocab_size() == 70_000
    assert sorted(grown.get_vocab().values()) == list(range(70_000))
    assert before.get_vocab().keys() <= grown.get_vocab().keys()
    text = "<|im_start|>user\nQuite unheard-of: zQ7x, naïve 12345 🙂<|im_end|>\n"
    ids = grown.encode(text, add_special_tokens=False).ids
    assert grown.decode(ids, skip_special_tokens=False) == text
    assert any(1024 <= i < 69_000 for i in ids)  # the new tokens are in use
