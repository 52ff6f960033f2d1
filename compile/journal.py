"""What an unfinished build has written, kept beside it so that the next build of the same bytes goes on from there.

A line for each finished shard, and one for each matrix that was quantised whole: a checksum and JSON. A shard counts if
its file still has the SHA-256 of its line. A kill may tear the last line: each record begins with a line's end, so that
a torn one stays alone. A line that is not as its checksum says is passed over.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .bundle import BundleFile
from .progress import Progress, Report
from .tally import TensorError

NAME = "journal.jsonl"
CHECKING = "Checking what an unfinished build wrote"


class Journal:
    """The shards and errors that hold already; all else in the folder is removed, for nothing vouches for it."""

    def __init__(self, folder: Path, report: Report) -> None:
        self._path = folder / NAME
        shards, self.errors = _records(self._path)
        self.shards = {shard.path: shard for shard in _verified(folder, shards, report)}
        for path in folder.iterdir():
            if path.name not in self.shards and path != self._path:
                path.unlink()
        self._file = self._path.open("a", encoding="utf-8")

    def add_shard(self, shard: BundleFile) -> None:
        """Notes that a shard is finished."""
        self._add({"shard": asdict(shard)})

    def add_error(self, error: TensorError) -> None:
        """Notes that a matrix has been quantised whole."""
        self.errors[error.name] = error
        self._add({"error": asdict(error)})

    def _add(self, record: dict[str, object]) -> None:
        text = json.dumps(record)
        self._file.write(f"\n{_checksum(text)} {text}")
        self._file.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._file.close()
        if kind is None:
            self._path.unlink()


def _records(path: Path) -> tuple[list[BundleFile], dict[str, TensorError]]:
    shards, errors = {}, {}
    for line in path.read_text("utf-8", errors="replace").split("\n") if path.exists() else ():
        checksum, _, text = line.partition(" ")
        if checksum != _checksum(text):
            continue
        record: dict[str, Any] = json.loads(text)
        if "shard" in record:
            shard = BundleFile(**record["shard"])
            shards[shard.path] = shard  # the last word counts: a shard that was damaged is written again
        else:
            error = TensorError(**record["error"])
            errors[error.name] = error
    return list(shards.values()), errors


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _verified(folder: Path, shards: list[BundleFile], report: Report) -> list[BundleFile]:
    """Those whose files are what their lines say."""
    total, good = sum(shard.bytes for shard in shards), []
    for shard in shards:
        try:
            with (folder / shard.path).open("rb") as file:
                whole = hashlib.file_digest(file, "sha256").hexdigest() == shard.sha256
        except FileNotFoundError:
            whole = False
        if whole:
            good.append(shard)
            report(Progress(CHECKING, sum(each.bytes for each in good), total))
    return good
