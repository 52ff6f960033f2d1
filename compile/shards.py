"""Weights as one stream of bytes, cut into shard files as it is written."""

import errno
import hashlib
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from .bundle import BundleFile, TensorRange
from .errors import UserError

SHARD_BYTES = 32 << 20
ALIGNMENT = 256  # WebGPU binds at multiples of this


class ShardWriter:
    """Writes weights-NNNN.bin into a folder; each tensor starts at a multiple of ALIGNMENT."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256()
        self._in_shard = 0
        self.bytes = 0
        self.files: list[BundleFile] = []
        self.tensors: list[TensorRange] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if kind is None:
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
            if self._file is None or self._in_shard == SHARD_BYTES:
                self._finish_shard()
                self._file = (self._folder / f"weights-{len(self.files):04d}.bin").open("wb")
            piece = view[: SHARD_BYTES - self._in_shard]
            self._append(piece)
            view = view[len(piece) :]

    def end(self) -> None:
        """Closes the tensor begun last."""
        last = self.tensors[-1]
        self.tensors[-1] = TensorRange(last.name, last.offset, self.bytes - last.offset)

    def _append(self, piece: memoryview) -> None:
        assert self._file is not None
        try:
            self._file.write(piece)
        except OSError as error:
            raise disk_error(error, self._folder) from error
        self._hash.update(piece)
        self._in_shard += len(piece)
        self.bytes += len(piece)

    def _finish_shard(self) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
        except OSError as error:
            raise disk_error(error, self._folder) from error
        self.files.append(BundleFile(Path(self._file.name).name, self._in_shard, self._hash.hexdigest()))
        self._file, self._hash, self._in_shard = None, hashlib.sha256(), 0


def disk_error(error: OSError, folder: Path) -> Exception:
    """A full disk as something a person can act on; any other error as it is."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return UserError(f"No room left on the disk under {folder.parent}; free some space and build again.")
    return error
