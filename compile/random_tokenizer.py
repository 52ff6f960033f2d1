"""Tokenizers as large as published ones, for random checkpoints: what reading one takes is part of a model's load."""

import json
from itertools import islice
from pathlib import Path
from string import ascii_letters
from typing import Any


def grow_tokenizer(file: Path, size: int) -> None:
    """Adds tokens and merges to a BPE tokenizer.json until it has `size` tokens: words that mean nothing, from the
    shortest on. Text that it could read before, it still reads and gives back. Added tokens stay the last ones."""
    tokenizer: dict[str, Any] = json.loads(file.read_text("utf-8"))
    vocabulary: dict[str, int] = tokenizer["model"]["vocab"]
    merges: list[list[str]] = tokenizer["model"]["merges"]
    added: list[dict[str, Any]] = tokenizer["added_tokens"]
    words = letters = [letter for letter in ascii_letters if letter in vocabulary]
    while (missing := size - len(added) - len(vocabulary)) > 0:
        pairs = ([word, letter] for word in words for letter in letters if word + letter not in vocabulary)
        new = list(islice(pairs, missing))
        merges += new
        words = [word + letter for word, letter in new]
        vocabulary |= {word: len(vocabulary) + i for i, word in enumerate(words)}
    for i, token in enumerate(added):
        token["id"] = size - len(added) + i
    file.write_text(json.dumps(tokenizer, ensure_ascii=False), "utf-8")
