"""The chat that other sites show: its script, the page that stands in their frames, and whose frames those may be."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from ..compile.errors import UserError

SCRIPT, FRAME = "widget.js", "embed.html"  # both at the root of the site, under fixed names: other sites link to them

ANYBODY = "*"


def read_origins(stated: Iterable[str]) -> tuple[str, ...]:
    """The origins as browsers write them, or a star for all."""
    return tuple(origin if origin == ANYBODY else _origin(origin) for origin in stated)


def _origin(stated: str) -> str:
    try:
        parts = urlsplit(stated)
        whole = parts.scheme in ("https", "http") and parts.hostname and not parts.path.strip("/")
        rest = parts.query or parts.fragment or parts.username
        port = {"https": 443, "http": 80}.get(parts.scheme)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        named = "" if parts.port in (None, port) else f":{parts.port}"
    except ValueError:
        whole, rest = False, ""
    if not whole or rest:
        raise UserError(f"{stated!r} is no origin; write it like https://shop.example, or * for every site")
    return f"{parts.scheme}://{host}{named}"
