"""The stream of weights: aligned, cut into shards, hashed as it is written, continued where another build stopped."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import pytest
from windowseat.compile import shards
from windowseat.compile.bundle import TensorRange
from windowseat.compile.journal import Journal
from windowseat.compile.progress import Progress
from windowseat.compile.shards import ShardWriter, stream_bytes

OLD = 1_000_000_000  # seconds


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_BYTES", 1024)


def journal(folder: Path) -> Journal:
    return Journal(folder, lambda progress: None)


def append(writer: ShardWriter, name: str, content: bytes) -> None:
    writer.begin(name)
    writer.write(content)
    writer.end()


def write(folder: Path, **tensors: bytes) -> ShardWriter:
    with journal(folder) as notes, ShardWriter(folder, notes) as writer:
        for name, content in tensors.items():
            append(writer, name, content)
    return writer


def write_and_die(folder: Path, **tensors: bytes) -> None:
    """Leaves what a killed build leaves: finished shards with their lines, and the start of another shard."""
    with suppress(KeyboardInterrupt), journal(folder) as notes, ShardWriter(folder, notes) as writer:
        for name, content in tensors.items():
            append(writer, name, content)
        raise KeyboardInterrupt
    for path in folder.glob("*.bin"):
        os.utime(path, (OLD, OLD))


def untouched(folder: Path) -> list[str]:
    """The shards that have not been written since the build died."""
    return sorted(path.name for path in folder.glob("*.bin") if path.stat().st_mtime == OLD)


def stream(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.glob("*.bin")))


def test_tensors_start_at_multiples_of_256(tmp_path: Path) -> None:
    written = write(tmp_path, a=bytes(4), b=bytes(256), c=bytes(300))
    assert written.tensors == [TensorRange("a", 0, 4), TensorRange("b", 256, 256), TensorRange("c", 512, 300)]
    assert written.bytes == 812 == stream_bytes({"a": 4, "b": 256, "c": 300})


def test_a_tensor_crosses_from_shard_to_shard(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10
    written = write(tmp_path, a=b"x" * 100, b=content)
    assert [(file.path, file.bytes) for file in written.files] == [
        ("weights-0000.bin", 1024),
        ("weights-0001.bin", 1024),
        ("weights-0002.bin", 768),
    ]
    assert stream(tmp_path) == b"x" * 100 + bytes(156) + content


def test_shards_that_fill_up_exactly_leave_no_empty_one(tmp_path: Path) -> None:
    assert [file.bytes for file in write(tmp_path, a=bytes(2048)).files] == [1024, 1024]


def test_nothing_written_is_no_shard(tmp_path: Path) -> None:
    assert write(tmp_path).files == []
    assert list(tmp_path.iterdir()) == []


def test_a_tensor_may_come_in_pieces(tmp_path: Path) -> None:
    with journal(tmp_path) as notes, ShardWriter(tmp_path, notes) as writer:
        writer.begin("a")
        writer.write(b"one")
        writer.write(memoryview(b"two"))
        writer.end()
    assert writer.tensors == [TensorRange("a", 0, 6)]
    assert (tmp_path / "weights-0000.bin").read_bytes() == b"onetwo"


def test_hashes_are_those_of_the_files(tmp_path: Path) -> None:
    for file in write(tmp_path, a=bytes(1500), b=b"b" * 100).files:
        assert file.sha256 == hashlib.sha256((tmp_path / file.path).read_bytes()).hexdigest()


def test_finished_shards_of_a_killed_build_stay_and_the_rest_is_written(tmp_path: Path) -> None:
    tensors = {"a": b"a" * 1500, "b": b"b" * 700, "c": b"c" * 900}
    (tmp_path / "whole").mkdir()
    whole = write(tmp_path / "whole", **tensors)
    (tmp_path / "again").mkdir()
    write_and_die(tmp_path / "again", a=tensors["a"], b=tensors["b"])
    continued = write(tmp_path / "again", **tensors)
    assert (continued.files, continued.tensors) == (whole.files, whole.tensors)
    assert stream(tmp_path / "again") == stream(tmp_path / "whole")
    assert untouched(tmp_path / "again") == ["weights-0000.bin", "weights-0001.bin"]
    assert len(list((tmp_path / "again").iterdir())) == len(whole.files)


@pytest.mark.parametrize("damaged", [b"x" * 1024, b"a" * 1023, None])
def test_a_damaged_shard_is_written_anew_and_the_others_stay(tmp_path: Path, damaged: bytes | None) -> None:
    write_and_die(tmp_path, a=b"a" * 3072)
    (tmp_path / "weights-0001.bin").unlink()
    if damaged is not None:
        (tmp_path / "weights-0001.bin").write_bytes(damaged)
    taken: list[Progress] = []
    with Journal(tmp_path, taken.append) as notes, ShardWriter(tmp_path, notes) as writer:
        assert not writer.skip({"a": 3072})
        append(writer, "a", b"a" * 3072)
    assert (taken[-1].done, taken[-1].total) == (2048, 3072)
    assert stream(tmp_path) == b"a" * 3072
    assert untouched(tmp_path) == ["weights-0000.bin", "weights-0002.bin"]


def test_tensors_whose_shards_are_there_are_passed_over(tmp_path: Path) -> None:
    write_and_die(tmp_path, a=b"a" * 900, b=b"b" * 1024, c=b"c" * 100)
    with journal(tmp_path) as notes, ShardWriter(tmp_path, notes) as writer:
        assert writer.skip({"a": 900})
        assert not writer.skip({"b": 1024, "c": 100})  # c is in the shard that was not finished
        append(writer, "b", b"b" * 1024)
        append(writer, "c", b"c" * 100)
    assert writer.tensors == [TensorRange("a", 0, 900), TensorRange("b", 1024, 1024), TensorRange("c", 2048, 100)]
    assert stream(tmp_path) == b"a" * 900 + bytes(124) + b"b" * 1024 + b"c" * 100


def test_a_line_that_a_kill_tore_is_passed_over(tmp_path: Path) -> None:
    write_and_die(tmp_path, a=b"a" * 2048)
    lines = (tmp_path / "journal.jsonl").read_text()
    (tmp_path / "journal.jsonl").write_text(lines[:-5])
    write_and_die(tmp_path, a=b"a" * 3072)
    with journal(tmp_path) as notes:
        assert sorted(notes.shards) == ["weights-0000.bin", "weights-0001.bin", "weights-0002.bin"]
