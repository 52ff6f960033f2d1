"""`windowseat bench`: what a model costs and how fast it runs, measured in a real browser or in Node."""

from .compare import Comparison, compare
from .measurement import Options, bench
from .results import Benchmark, Result
from .roofline import write_rooflines
from .written import check_writable, read, write

__all__ = [
    "Benchmark",
    "Comparison",
    "Options",
    "Result",
    "bench",
    "check_writable",
    "compare",
    "read",
    "write",
    "write_rooflines",
]
