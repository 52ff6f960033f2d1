"""The stream of weights: aligned, cut into shards, hashed as it is written."""

import errno
import hashlib
from pathlib import Path

import pytest
from windowseat.compile import shards
from windowseat.compile.bundle import TensorRange
from windowseat.compile.errors import UserError
from windowseat.compile.shards import ShardWriter, disk_error


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_BYTES", 1024)


def write(folder: Path, **tensors: bytes) -> ShardWriter:
    with ShardWriter(folder) as writer:
        for name, content in tensors.items():
            writer.begin(name)
            writer.write(content)
            writer.end()
    return writer


def test_tensors_start_at_multiples_of_256(tmp_path: Path) -> None:
    written = write(tmp_path, a=bytes(4), b=bytes(256), c=bytes(300))
    assert written.tensors == [TensorRange("a", 0, 4), TensorRange("b", 256, 256), TensorRange("c", 512, 300)]
    assert written.bytes == 812


def test_a_tensor_crosses_from_shard_to_shard(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10
    written = write(tmp_path, a=b"x" * 100, b=content)
    assert [(file.path, file.bytes) for file in written.files] == [
        ("weights-0000.bin", 1024),
        ("weights-0001.bin", 1024),
        ("weights-0002.bin", 768),
    ]
    stream = b"".join((tmp_path / file.path).read_bytes() for file in written.files)
    assert stream == b"x" * 100 + bytes(156) + content


def test_shards_that_fill_up_exactly_leave_no_empty_one(tmp_path: Path) -> None:
    assert [file.bytes for file in write(tmp_path, a=bytes(2048)).files] == [1024, 1024]


def test_nothing_written_is_no_shard(tmp_path: Path) -> None:
    assert write(tmp_path).files == []


def test_a_tensor_may_come_in_pieces(tmp_path: Path) -> None:
    with ShardWriter(tmp_path) as writer:
        writer.begin("a")
        writer.write(b"one")
        writer.write(memoryview(b"two"))
        writer.end()
    assert writer.tensors == [TensorRange("a", 0, 6)]
    assert (tmp_path / "weights-0000.bin").read_bytes() == b"onetwo"


def test_hashes_are_those_of_the_files(tmp_path: Path) -> None:
    for file in write(tmp_path, a=bytes(1500), b=b"b" * 100).files:
        assert file.sha256 == hashlib.sha256((tmp_path / file.path).read_bytes()).hexdigest()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_said_in_words(tmp_path: Path, number: int) -> None:
    error = disk_error(OSError(number, "text"), tmp_path / "bundle")
    assert isinstance(error, UserError)
    assert str(error) == f"No room left on the disk under {tmp_path}; free some space and build again."


def test_another_error_of_the_disk_stays_what_it_is(tmp_path: Path) -> None:
    broken = OSError(errno.EIO, "text")
    assert disk_error(broken, tmp_path) is broken
