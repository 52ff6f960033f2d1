"""The words of the pages: templates hold the English ones and say which they are, and the page puts others there.

One file for each language in texts/; web/src/ui/texts.ts reads the same.
"""

import json
from collections.abc import Mapping
from functools import cache, partial
from importlib.resources import files

from markupsafe import Markup, escape

FOLDER = files("windowseat.site_builder").joinpath("texts")
Texts = Mapping[str, Mapping[str, str]]  # by language, by key

ATTRIBUTES = {"label": "aria-label"}  # the others have their own names


@cache
def languages() -> dict[str, dict[str, str]]:
    """The texts of each language, by its tag."""
    paths = sorted(FOLDER.iterdir(), key=lambda path: path.name)
    return {path.name.removesuffix(".json"): json.loads(path.read_text("utf-8")) for path in paths}


def right_to_left() -> list[str]:
    """The tags of languages whose words run from right to left."""
    return [tag for tag, texts in languages().items() if texts["direction"] == "rtl"]


def words(own: Texts) -> dict[str, object]:
    """What templates know of texts, with those that a site says in its own words."""
    spoken = {tag: {**texts, **own.get(tag, {})} for tag, texts in languages().items()}
    return {
        "languages": spoken,
        "right_to_left": right_to_left(),
        "plain": spoken["en"].__getitem__,
        "word": partial(word, spoken["en"]),
        "said": partial(said, spoken["en"]),
    }


def word(english: Mapping[str, str], key: str) -> Markup:
    """A text in an element of its own."""
    return Markup('<span data-texts="text:{}">{}</span>').format(key, english[key])


def said(english: Mapping[str, str], /, **keys: str) -> Markup:
    """Attributes with texts: said(label="send", title="send_hint"); a `text` goes between the tags, by the template."""
    marks = " ".join(f"{place}:{key}" for place, key in keys.items())
    attributes = [
        f'{ATTRIBUTES.get(place, place)}="{escape(english[key])}"' for place, key in keys.items() if place != "text"
    ]
    return Markup(" ").join([Markup(f'data-texts="{marks}"'), *map(Markup, attributes)])
