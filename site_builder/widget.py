"""The chat that other sites show: its script, the page that stands in their frames, and whose frames those may be."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from ..compile.errors import UserError
from .origins import origin_of

SCRIPT, FRAME = "widget.js", "embed.html"  # both at the root of the site, under fixed names: other sites link to them

ANYBODY = "*"


def read_origins(stated: Iterable[str]) -> tuple[str, ...]:
    """The origins as browsers write them, or a star for all."""
    return tuple(origin if origin == ANYBODY else _origin(origin) for origin in stated)


def _origin(stated: str) -> str:
    try:
        parts = urlsplit(stated)
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(stated)
        return origin_of(stated)
    except ValueError:
        raise UserError(f"{stated!r} is no origin; write it like https://shop.example, or * for every site") from None
