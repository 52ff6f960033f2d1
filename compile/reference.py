"""A bundle's weights back in the checkpoint's form, so that another implementation can compute with the same numbers.

Matrices are read from the bundle's own shards and unpacked; small tensors come from the checkpoint as they are.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .build import read_model
from .bundle import MANIFEST
from .checkpoint import Checkpoint
from .models.layers import Matrix
from .parts import parts
from .quantise import PLAIN, WORDS_PER_GROUP, Packed, dequantise, groups
from .schedule import weights_of

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stream:
    """The weight stream of a bundle on disk."""

    folder: Path
    shards: list[str]
    shard_bytes: int
    ranges: dict[str, tuple[int, int]]  # offset, bytes

    def read(self, name: str) -> NDArray[np.uint32]:
        """A tensor's words, from as many shards as it spans."""
        offset, left = self.ranges[name]
        content = bytearray()
        while left:
            shard, start = divmod(offset, self.shard_bytes)
            with (self.folder / self.shards[shard]).open("rb") as file:
                file.seek(start)
                piece = file.read(min(left, self.shard_bytes - start))
            content += piece
            offset, left = offset + len(piece), left - len(piece)
        return np.frombuffer(content, np.uint32)


def open_stream(folder: Path) -> tuple[dict[str, Any], Stream]:
    """A bundle's manifest and its weights."""
    manifest = json.loads((folder / MANIFEST).read_text())
    weights = manifest["weights"]
    ranges = {tensor["name"]: (tensor["offset"], tensor["bytes"]) for tensor in weights["tensors"]}
    return manifest, Stream(folder, weights["shards"], weights["shard_bytes"], ranges)


def reference_tensors(checkpoint: Checkpoint, folder: Path) -> Iterator[tuple[str, F32]]:
    """Every tensor of the text model under its text-only name, one source at a time, as the kernels see it."""
    manifest, stream = open_stream(folder)
    _, architecture, cfg = read_model(checkpoint.config, checkpoint.source)
    own = architecture.PREFIXES[0]
    for weight in weights_of(architecture.model(cfg)):
        if isinstance(weight, Matrix):
            whole = _unpack(weight, manifest["quantisation"], stream)
            yield from sources_of(weight, whole)
            continue
        for source in weight.sources:
            on_disk = (source.name.replace(own, prefix, 1) for prefix in architecture.PREFIXES)
            yield source.name, checkpoint.read(next(name for name in on_disk if name in checkpoint.tensors))


def _unpack(matrix: Matrix, quantisation: str, stream: Stream) -> F32:
    rows = []
    for part in parts(matrix, quantisation):
        bound = part.bound()
        words = stream.read(bound["w_words"]).reshape(part.rows, groups(matrix.width), WORDS_PER_GROUP[part.form])
        scales = None if part.form in PLAIN else stream.read(bound["w_scales"])
        rows.append(dequantise(Packed(words, scales), matrix.width, part.form))
    return rows[0] if len(rows) == 1 else np.concatenate(rows)


def sources_of(matrix: Matrix, whole: F32) -> Iterator[tuple[str, F32]]:
    """The tensors of the checkpoint that a matrix was put together from, by name."""
    at = 0
    for i, source in enumerate(matrix.sources):
        if matrix.interleaved:
            yield source.name, whole[i :: len(matrix.sources)]
        else:
            yield source.name, whole[at : at + source.shape[0]]
            at += source.shape[0]
