"""The words, names and numbers that fill the demo model's prompts: some from lists, most made up on the spot."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .split import Draw

CONSONANTS = "bcdfghjklmnprstvwyz"
VOWELS = "aeiou"
KNOWN_WORD_SHARE = 0.35


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
PHRASES: dict[str, list[str]] = read("phrases.json")
SMALLTALK: dict[str, Smalltalk] = {kind: Smalltalk(**fields) for kind, fields in read("smalltalk.json").items()}


def invented(draw: Draw) -> str:
    """A pronounceable word of three to eight letters that no list holds."""
    syllables = draw.random.randint(1, 3)
    word = "".join(draw.random.choice(CONSONANTS) + draw.random.choice(VOWELS) for _ in range(syllables))
    return word + draw.random.choice(CONSONANTS) if syllables == 1 or draw.chance(0.5) else word


def from_list_or_invented(draw: Draw, known: list[str]) -> str:
    """A lower-case word on the draw's side of the split."""

    def make() -> str:
        return draw.random.choice(known).lower() if draw.chance(KNOWN_WORD_SHARE) else invented(draw)

    return draw.pick_keyed(make, lambda word: word)


def word(draw: Draw) -> str:
    """A common noun or an invented word."""
    return from_list_or_invented(draw, FACTS.words)


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
