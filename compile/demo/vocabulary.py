"""The words, names and numbers that fill the demo model's prompts: some from lists, most made up on the spot."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .split import Draw, Words

CONSONANTS = "bcdfghjklmnprstvwyz"
VOWELS = "aeiou"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
KNOWN_WORD_SHARE = 0.35
REAL_WORDS = {Words.ANY, Words.PIECES}


@dataclass(frozen=True, slots=True)
class Facts:
    """The closed lists that skills draw from."""

    capitals: dict[str, str]
    colours: dict[str, str]
    hello: dict[str, str]
    weather: list[str]
    words: list[str]
    names: list[str]
    cities: list[str]
    topics: list[str]
    onsets: list[str]
    nuclei: list[str]
    codas: list[str]
    more_words: list[str]


@dataclass(frozen=True, slots=True)
class Smalltalk:
    """One kind of small talk: any opener with any tail has the same answer."""

    openers: list[str]
    tails: list[str]
    answer: str
    thought: str


def read(file_name: str) -> Any:
    """A data table that lies beside this file."""
    return json.loads(Path(__file__).with_name(file_name).read_text(encoding="utf-8"))


FACTS = Facts(**read("facts.json"))
EVERY_WORD = [word.lower() for word in (*FACTS.words, *FACTS.more_words, *FACTS.names, *FACTS.cities)]
PHRASES: dict[str, list[str]] = read("phrases.json")
SMALLTALK: dict[str, Smalltalk] = {kind: Smalltalk(**fields) for kind, fields in read("smalltalk.json").items()}


def plain_word(draw: Draw) -> str:
    """One to three syllables of a consonant and a vowel, at times closed by another consonant."""
    syllables = draw.random.randint(1, 3)
    word = "".join(draw.random.choice(CONSONANTS) + draw.random.choice(VOWELS) for _ in range(syllables))
    return word + draw.random.choice(CONSONANTS) if syllables == 1 or draw.chance(0.5) else word


def clustered_word(draw: Draw) -> str:
    """A syllable with English clusters of letters, at times with an ending."""
    first = draw.pick(FACTS.onsets) + draw.pick(FACTS.nuclei) + draw.pick(FACTS.codas)
    return first + (draw.pick(["a", "er", "le", "o", "y", plain_word(draw)]) if draw.chance(0.5) else "")


def random_letters(draw: Draw) -> str:
    """Two to five letters without any order."""
    return "".join(draw.random.choice(LETTERS) for _ in range(draw.random.randint(2, 5)))


def spliced_word(draw: Draw) -> str:
    """The beginning of one English word and the end of another; both are on the draw's side of the split."""
    first, second = (draw.pick_keyed(lambda: draw.pick(FACTS.more_words), lambda word: word) for _ in range(2))
    return first[: draw.random.randint(1, len(first))] + second[draw.random.randint(0, len(second) - 1) :]


def joined_pieces(draw: Draw) -> str:
    """Parts of two listed words or all of them; a held-out word may lie inside, but is never the whole."""
    first, second = draw.pick(EVERY_WORD), draw.pick(EVERY_WORD)
    if draw.chance(0.6):
        first = first[: draw.random.randint(1, len(first))]
    if draw.chance(0.6):
        second = second[draw.random.randint(0, len(second) - 1) :]
    return first + second


def invented(draw: Draw) -> str:
    """A word that no list holds."""
    if draw.words is Words.PLAIN:
        return plain_word(draw)
    kind = draw.random.random()
    if draw.words is Words.PIECES and kind < 0.5:
        return joined_pieces(draw)
    if draw.words is Words.CLUSTERS:
        return plain_word(draw) if kind < 0.35 else clustered_word(draw) if kind < 0.9 else random_letters(draw)
    if kind < 0.2:
        return plain_word(draw)
    if kind < 0.4:
        return clustered_word(draw)
    if kind < 0.55:
        return draw.random.choice("aeiou") + plain_word(draw)
    return spliced_word(draw) if kind < 0.9 else random_letters(draw)


def from_list_or_invented(draw: Draw, known: list[str]) -> str:
    """A lower-case word on the draw's side of the split."""

    def make() -> str:
        return draw.random.choice(known).lower() if draw.chance(KNOWN_WORD_SHARE) else invented(draw)

    return draw.pick_keyed(make, lambda word: word)


def word(draw: Draw) -> str:
    """A common noun or an invented word."""
    return from_list_or_invented(draw, FACTS.words + FACTS.more_words if draw.words in REAL_WORDS else FACTS.words)


def name(draw: Draw) -> str:
    """A first name, capitalised, common or invented."""
    return from_list_or_invented(draw, FACTS.names).capitalize()


def city(draw: Draw) -> str:
    """A city, capitalised, real or invented."""
    return from_list_or_invented(draw, FACTS.cities).capitalize()


def topic(draw: Draw) -> str:
    """Something to ask about that no skill covers."""
    if draw.chance(0.5):
        return draw.pick_keyed(lambda: draw.random.choice(FACTS.topics), lambda text: text)
    return draw.pick(["", "", "a ", "the ", "my ", "your "]) + word(draw)
