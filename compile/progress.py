"""Progress as values: whoever does long work reports it, whoever talks to a person shows it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """One report: `done` of `total` units of `stage`."""

    stage: str  # what is going on, in the words a person reads
    done: int
    total: int
    unit: str = "bytes"


Report = Callable[[Progress], None]
