"""Which prompts belong to training and which are kept for evaluation, decided by a hash that never changes."""

import random
from collections.abc import Callable
from enum import Enum
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")

HELD_OUT_ONE_IN = 10


class Words(Enum):
    """How hard the invented words are: training begins with easy ones; ANY is what evaluation asks.

    PIECES joins parts of all listed words, so that each token of the vocabulary is copied at least within other words.
    """

    PLAIN = 1
    CLUSTERS = 2
    ANY = 3
    PIECES = 4


def held_out(key: str) -> bool:
    """Whether whatever this key names (a word, a pair of numbers, a phrasing with its item) is for evaluation only."""
    return int.from_bytes(sha256(key.encode()).digest()[:4], "big") % HELD_OUT_ONE_IN == 0


class Draw:
    """A seeded source of choices that only ever sees one side of the split."""

    def __init__(self, seed: int, *, evaluation: bool, words: Words = Words.ANY) -> None:
        self.random = random.Random(seed)
        self.evaluation = evaluation
        self.words = words

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.random.random() < probability

    def pick(self, items: list[T]) -> T:
        """Any of these, for parts that do not decide on which side of the split a prompt falls."""
        return self.random.choice(items)

    def pick_keyed(self, make: Callable[[], T], key: Callable[[T], str]) -> T:
        """The first value made whose key lies on this draw's side of the split."""
        while held_out(key(value := make())) != self.evaluation:
            pass
        return value
