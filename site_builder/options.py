"""What the values of options may be; a wrong one is wrong usage, and its message has the right ones."""

import typer

from ..compile.variants import VARIANTS

QUANTISATIONS = ("q4", "q8", "f16")
RUNTIMES = ("node", "chromium")
VARIANT_NAMES = tuple(variant.name for variant in VARIANTS)
TAKEN_UNASKED = tuple(variant.name for variant in VARIANTS if variant.kv_cache != "q8")


def _known(name: str, known: tuple[str, ...]) -> str:
    if name not in known:
        raise typer.BadParameter(f"{name!r} is unknown; the known ones are {', '.join(known)}.")
    return name


def known_quantisation(name: str) -> str:
    """The name, unless it is none of ours."""
    return _known(name, QUANTISATIONS)


def known_variant(name: str | None) -> str | None:
    """The name, unless it is none of ours."""
    return None if name is None else _known(name, VARIANT_NAMES)


def known_variants(names: list[str] | None) -> list[str]:
    """The names, unless one is none of ours."""
    return [_known(name, VARIANT_NAMES) for name in names or ()]


def page_variants(names: list[str] | None) -> list[str]:
    """The same, unless a page would take none of them: a q8 cache is only for those who ask for it."""
    known = known_variants(names)
    if known and not set(known) & set(TAKEN_UNASKED):
        raise typer.BadParameter(f"{known[0]!r} is taken only when asked for; give another as well, such as base.")
    return known


def known_lengths(text: str) -> tuple[int, ...]:
    """Numbers of tokens, each once, in their order."""
    lengths = text.split(",")
    if not all(length.strip().isdecimal() and int(length) > 0 for length in lengths):
        raise typer.BadParameter(f"--prompt is {text!r}; it must be whole numbers with commas, such as 64,512,4096.")
    return tuple(dict.fromkeys(int(length) for length in lengths))


def known_runtimes(names: list[str]) -> tuple[str, ...]:
    """The names, unless one is none of ours."""
    return tuple(_known(name, RUNTIMES) for name in names)
