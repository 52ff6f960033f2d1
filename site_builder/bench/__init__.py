"""`windowseat bench`: what a model costs and how fast it runs, measured in a real browser or in Node."""

from .compare import Comparison, compare, read
from .measurement import Options, bench, write
from .results import Benchmark, Result
from .roofline import write_rooflines

__all__ = ["Benchmark", "Comparison", "Options", "Result", "bench", "compare", "read", "write", "write_rooflines"]
