"""Weights as one stream of bytes, cut into shard files as it is written."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from .bundle import BundleFile, TensorRange
from .journal import Journal

SHARD_BYTES = 32 << 20
ALIGNMENT = 256  # WebGPU binds at multiples of this


class ShardWriter:
    """Writes weights-NNNN.bin into a folder; each tensor starts at a multiple of ALIGNMENT.

    Shards that the journal has already are left as they are: what is written to them is only counted.
    """

    def __init__(self, folder: Path, journal: Journal) -> None:
        self._folder = folder
        self._journal = journal
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self.bytes = 0
        self.files: list[BundleFile] = []
        self.tensors: list[TensorRange] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
            if self.bytes % SHARD_BYTES:
                self._finish_shard()
        elif self._file is not None:
            with suppress(OSError):  # on a full disk closing fails too, and `error` says it better
                self._file.close()

    def begin(self, name: str) -> None:
        """What is written from here on belongs to the tensor `name`."""
        self.write(bytes(-self.bytes % ALIGNMENT))
        self.tensors.append(TensorRange(name, self.bytes, 0))

    def write(self, content: bytes | memoryview) -> None:
        """Appends to the tensor begun last."""
        view = memoryview(content).cast("B")
        while len(view):
            piece = view[: SHARD_BYTES - self.bytes % SHARD_BYTES]
            if self._shard() not in self._journal.shards:
                self._append(piece)
            self._advance(len(piece))
            view = view[len(piece) :]

    def end(self) -> None:
        """Closes the tensor begun last."""
        last = self.tensors[-1]
        self.tensors[-1] = TensorRange(last.name, last.offset, self.bytes - last.offset)

    def skip(self, sizes: Mapping[str, int]) -> bool:
        """Passes over tensors of these bytes if the shards that they lie in are there already; says whether it did."""
        start = _aligned(self.bytes)
        stop = start + stream_bytes(sizes)
        shards = range(start // SHARD_BYTES, -(-stop // SHARD_BYTES))
        if not all(shard_name(i) in self._journal.shards for i in shards):
            return False
        for name, size in sizes.items():
            self.begin(name)
            while size:
                step = min(size, SHARD_BYTES - self.bytes % SHARD_BYTES)
                self._advance(step)
                size -= step
            self.end()
        return True

    def _shard(self) -> str:
        """The file that the next byte belongs to."""
        return shard_name(self.bytes // SHARD_BYTES)

    def _append(self, piece: memoryview) -> None:
        if self._file is None:
            self._file = (self._folder / self._shard()).open("wb")
        self._file.write(piece)
        self._hash.update(piece)

    def _advance(self, count: int) -> None:
        self.bytes += count
        if self.bytes % SHARD_BYTES == 0:
            self._finish_shard()

    def _finish_shard(self) -> None:
        name = shard_name(len(self.files))
        shard = self._journal.shards.get(name)
        if shard is None:
            assert self._file is not None
            self._file.close()
            shard = BundleFile(name, self.bytes - len(self.files) * SHARD_BYTES, self._hash.hexdigest())
            self._journal.add_shard(shard)
            self._file, self._hash = None, hashlib.sha256()
        self.files.append(shard)


def shard_name(index: int) -> str:
    """The file of a shard in the bundle."""
    return f"weights-{index:04d}.bin"


def stream_bytes(sizes: Mapping[str, int]) -> int:
    """Bytes of a stream of tensors, the gaps in front of the aligned ones included."""
    end = 0
    for size in sizes.values():
        end = _aligned(end) + size
    return end


def _aligned(offset: int) -> int:
    return -(-offset // ALIGNMENT) * ALIGNMENT
