"""The look of a site: its name, its icon, its own words, and what the colours and sizes of look.css are to be instead.

name = "Harbour"
description = "Ask the harbour's own model."
icon = "harbour.svg"                      # beside this file

[look]
accent = ["#2c5f87", "#93c0e8"]           # in light and in dark
column = "50rem"

[texts.en]                                # by language; texts/en.json has all keys
tagline = "A seat by the water"
"""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..compile.errors import UserError
from .texts import Texts, languages

STATIC = Path(__file__).parent / "static"
KEYS = ("name", "description", "icon", "look", "texts")
VALUE = re.compile(r"[^;{}<>\\]+")
DECLARED = re.compile(r"^  --([\w-]+): (.+);$", re.MULTILINE)
TWO_COLOURS = re.compile(r"light-dark\((.+), (.+)\)")

Value = str | tuple[str, str]


@dataclass(frozen=True, slots=True)
class Theme:
    """What sets a site apart from another."""

    name: str
    description: str
    icon: str  # SVG
    look: dict[str, Value]  # what :root of look.css names, and what it is to be
    texts: Texts = field(default_factory=dict)  # in place of those in texts/

    def css(self) -> str:
        """The look as a style sheet; empty when it is look.css's own."""
        if not self.look:
            return ""
        lines = [f"  --{name}: {_css(value)};" for name, value in self.look.items()]
        return "\n".join([":root {", *lines, "}", ""])

    def colours(self, name: str) -> tuple[str, str]:
        """A colour in light and in dark, as the theme or look.css has it."""
        value = self.look.get(name) or dict(DECLARED.findall(_own_look()))[name]
        if isinstance(value, tuple):
            return value
        found = TWO_COLOURS.fullmatch(value)
        return (found[1], found[2]) if found else (value, value)


def default_theme() -> Theme:
    """Windowseat's own look."""
    about = "A language model that runs in this page, on your own device."
    return Theme("Windowseat", about, (STATIC / "icon.svg").read_text("utf-8"), {})


def read_theme(path: Path) -> Theme:
    """The theme in a TOML file; what it does not name stays as it is."""
    default = default_theme()
    stated = _parse(path)
    if odd := set(stated) - set(KEYS):
        raise UserError(f"{path} has {min(odd)!r}; a theme has {', '.join(KEYS)}")
    icon = default.icon
    if "icon" in stated:
        icon_path = path.parent / _text(path, "icon", stated["icon"])
        if icon_path.suffix != ".svg" or not icon_path.is_file():
            raise UserError(f"{path} names the icon {icon_path}; it must be an SVG file beside the theme")
        try:
            icon = icon_path.read_text("utf-8")
        except ValueError as error:
            raise UserError(f"{icon_path} is not UTF-8 ({error}); save the icon as that") from error
    texts = {key: _text(path, key, stated.get(key, getattr(default, key))) for key in ("name", "description")}
    own = _texts(path, stated.get("texts", {}))
    return Theme(icon=icon, look=_look(path, stated.get("look", {})), texts=own, **texts)


def _look(path: Path, stated: object) -> dict[str, Value]:
    if not isinstance(stated, dict):
        raise UserError(f"{path} has a look that is no table; begin it with a line [look]")
    known = dict(DECLARED.findall(_own_look()))
    if odd := set(stated) - set(known):
        raise UserError(f"{path} sets {min(odd)!r}, which look.css does not have; it has {', '.join(known)}")
    return {name: _value(path, name, value) for name, value in stated.items()}


def _texts(path: Path, stated: object) -> Texts:
    known = languages()
    if not isinstance(stated, dict) or not all(isinstance(texts, dict) for texts in stated.values()):
        raise UserError(f"{path} has texts that are no table; begin each language's with a line like [texts.en]")
    if odd := set(stated) - set(known):
        raise UserError(f"{path} has texts for {min(odd)!r}; the site speaks {', '.join(known)}")
    for tag, texts in stated.items():
        for key, text in texts.items():
            if not isinstance(known[tag].get(key), str):
                raise UserError(f"{path} has the text {key!r}, which is none of {tag}.json that can be replaced")
            _text(path, key, text)
    return stated


def _value(path: Path, name: str, value: object) -> Value:
    parts = value if isinstance(value, list) else [value]
    texts = [part for part in parts if isinstance(part, str) and VALUE.fullmatch(part)]
    if len(texts) != len(parts) or len(texts) not in (1, 2):
        raise UserError(f"{path} sets {name} to {value!r}; it must be one value of CSS, or two for light and dark")
    return texts[0] if len(texts) == 1 else (texts[0], texts[1])


def _css(value: Value) -> str:
    return value if isinstance(value, str) else f"light-dark({value[0]}, {value[1]})"


def _text(path: Path, key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{path} has {value!r} as its {key}; it must be a text")
    return value


def _own_look() -> str:
    return (STATIC / "look.css").read_text("utf-8")


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"there is no theme file {path}; docs/hosting.md has an example") from error
    except ValueError as error:
        raise UserError(f"{path} is not TOML ({error}); docs/hosting.md has an example") from error
