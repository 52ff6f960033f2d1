"""Launches that turn logits into the next token."""

from collections.abc import Iterator

from ..kernels.sample import blocks, find_peaks, sample
from .workspace import Launch, Workspace


def draw(w: Workspace, vocabulary: int) -> Iterator[Launch]:
    """logits -> tokens[0]"""
    count = blocks(vocabulary)
    peaks = {name: w.scratch(name, count, "float32") for name in ("peak_values", "peak_ids")}
    yield Launch(find_peaks(vocabulary), {"logits": "logits", **peaks})
    kernel = sample(vocabulary, chunk=w.chunk)
    yield Launch(kernel, {"logits": "logits", "tokens": "tokens", **peaks})
