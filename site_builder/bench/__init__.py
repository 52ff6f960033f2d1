"""`windowseat bench`: what a model costs and how fast it runs, measured in a real browser or in Node."""

from .measurement import Options, Result, bench, write_results

__all__ = ["Options", "Result", "bench", "write_results"]
