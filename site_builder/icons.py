"""The icon as pictures of the sizes that home screens and app lists want, made from the one SVG."""

import base64
import re

import resvg_py

from ..compile.errors import UserError

MASK = 0.6  # of a maskable icon's width: what any mask leaves visible is a circle of 0.8
# What the renderer knows of CSS colours; it draws any other black.
DRAWN = re.compile(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]+|(rgb|hsl)a?\([\d\s.,/%a-z-]*\)")
WHITE = "#ffffff"
TOUCH = 0.8  # of the icon that iOS puts on a home screen, with corners of its own


def icons(svg: str, paper: str) -> dict[str, bytes]:
    """PNG files by name; those that must not be transparent lie on paper of this colour, or white for one that is not
    known here. UserError if the SVG cannot be drawn."""
    paper = paper if DRAWN.fullmatch(paper) else WHITE
    return {
        "icon-192.png": _png(svg, 192),
        "icon-512.png": _png(svg, 512),
        "icon-maskable.png": _png(_on_paper(svg, paper, MASK), 512),
        "icon-touch.png": _png(_on_paper(svg, paper, TOUCH), 180),
    }


def _on_paper(svg: str, paper: str, share: float) -> str:
    edge, size = 50 * (1 - share), 100 * share
    picture = f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
        f'<rect width="100" height="100" fill="{paper}"/>'
        f'<image x="{edge}" y="{edge}" width="{size}" height="{size}" href="{picture}"/></svg>'
    )


def _png(svg: str, size: int) -> bytes:
    try:
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, skip_system_fonts=True))
    except ValueError as error:
        raise UserError(
            f"the theme's icon cannot be drawn as SVG ({error}); save it again from a drawing program"
        ) from error
