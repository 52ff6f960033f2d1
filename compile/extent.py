"""How many workgroups a launch has in one direction."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PerTokens:
    """An extent that depends on the call: ceil(tokens / each) workgroups."""

    each: int = 1


Extent = int | PerTokens
