"""Weights on their way into the shards: a block at a time, whatever the size of the matrix."""

import tracemalloc
from pathlib import Path

import pytest
from windowseat.compile import weights
from windowseat.compile.checkpoint import open_checkpoint
from windowseat.compile.journal import Journal
from windowseat.compile.models.layers import Matrix, Source
from windowseat.compile.progress import Progress
from windowseat.compile.shards import ShardWriter
from windowseat.compile.weights import write_weights

from tests.compile.tiny_model import CONFIG, write_tiny


def ignore(progress: Progress) -> None:
    pass


def peak(folder: Path, rows: int) -> int:
    """The most bytes that were allocated at once while a matrix of so many rows was quantised."""
    source = write_tiny(folder / "model", {**CONFIG, "vocab_size": rows})
    name = "model.embed_tokens.weight"
    table = Matrix("table", (Source(name, (rows, 64)),))
    shards = folder / "shards"
    shards.mkdir()
    with open_checkpoint(str(source), ignore) as checkpoint, Journal(shards, ignore) as journal:
        tracemalloc.start()
        with ShardWriter(shards, journal) as writer:
            write_weights(checkpoint, [table], {name: name}, "q4", journal, writer, ignore)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return found


def test_memory_does_not_grow_with_the_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "BLOCK_VALUES", 1 << 16)
    small, large = peak(tmp_path / "small", 10_000), peak(tmp_path / "large", 80_000)
    assert large < 2 * small  # eight times the rows; how many pieces the threads hold at once varies
    assert large < 80_000 * 64 * 2 / 4  # of the bytes that it has in the checkpoint
