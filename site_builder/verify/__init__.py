"""`windowseat verify`: a compiled model against transformers, on the same weights, in real WebGPU runtimes."""

from .comparison import Check, Options, verify

__all__ = ["Check", "Options", "verify"]
