"""A build that was ended early goes on where it stopped, and never with the work of a build of something else."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from windowseat.compile import build as build_module
from windowseat.compile import fingerprint as fingerprint_module
from windowseat.compile import shards
from windowseat.compile.build import Options, build
from windowseat.compile.checkpoint import open_checkpoint
from windowseat.compile.fingerprint import fingerprint
from windowseat.compile.journal import CHECKING
from windowseat.compile.progress import Progress

from tests.compile.tiny_model import write_tiny

BASE = Options(variants=("base",))
SHARD_BYTES = 5120  # the words of the tiny model's embedding table, its first tensor
OLD = 1_000_000_000  # seconds
BUILD_AND_STOP = f"""
import sys, time
from pathlib import Path
from windowseat.compile import shards
shards.SHARD_BYTES = {SHARD_BYTES}
from windowseat.compile import build
def report(progress):
    if progress.done >= int(sys.argv[3]):
        print("stopped", flush=True)
        time.sleep(60)
build.build(sys.argv[1], Path(sys.argv[2]), build.Options(variants=("base",)), report)
"""


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD_BYTES", SHARD_BYTES)
    monkeypatch.setattr(build_module, "SHARD_BYTES", SHARD_BYTES)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "source" / "Tiny")


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def compiled(source: Path, models: Path, options: Options = BASE) -> tuple[dict[str, bytes], int]:
    """The bundle's files, and the bytes of shards that were taken over."""
    taken = 0

    def report(progress: Progress) -> None:
        nonlocal taken
        if progress.stage == CHECKING:
            taken = progress.done

    bundle = build(str(source), models, options, report)
    assert [path.name for path in models.iterdir()] == [bundle.name]
    return {path.name: path.read_bytes() for path in bundle.iterdir()}, taken


def interrupted(source: Path, models: Path, after: int) -> Path:
    """What is left of a build that a person ended when `after` bytes were written."""

    def report(progress: Progress) -> None:
        if progress.done >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(str(source), models, BASE, report)
    (left,) = models.iterdir()
    return left


@pytest.mark.parametrize(("stopped_at", "half_written"), [(SHARD_BYTES, 0), (8 * SHARD_BYTES + 1, 1)])
def test_a_killed_build_goes_on_where_it_stopped(
    source: Path, models: Path, stopped_at: int, half_written: int
) -> None:
    arguments = [sys.executable, "-c", BUILD_AND_STOP, str(source), str(models), str(stopped_at)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"stopped\n"
        process.send_signal(signal.SIGKILL)
    (left,) = models.iterdir()
    assert left.name.startswith(".Tiny.partial-")
    written = sorted(left.glob("*.bin"))
    finished = [path.name for path in written if path.stat().st_size == SHARD_BYTES]
    assert len(finished) == len(written) - half_written >= stopped_at // SHARD_BYTES
    for path in written:
        os.utime(path, (OLD, OLD))
    continued, taken = compiled(source, models)
    assert taken == len(finished) * SHARD_BYTES
    assert sorted(path.name for path in (models / "Tiny").iterdir() if path.stat().st_mtime == OLD) == finished
    assert continued == compiled(source, models.with_name("others"))[0]


def test_a_build_that_was_ended_twice_takes_over_what_both_wrote(source: Path, models: Path) -> None:
    first = interrupted(source, models, 2 * SHARD_BYTES).stat().st_ino
    second = interrupted(source, models, 6 * SHARD_BYTES).stat().st_ino
    continued, taken = compiled(source, models)
    assert first == second == (models / "Tiny").stat().st_ino
    assert taken >= 6 * SHARD_BYTES
    assert continued == compiled(source, models.with_name("others"))[0]


def test_a_build_that_was_ended_after_its_last_shard_takes_over_all(source: Path, models: Path) -> None:
    whole = json.loads(compiled(source, models.with_name("others"))[0]["bundle.json"])["weights"]["bytes"]
    left = interrupted(source, models, whole)
    (left / "generation_config.json").write_text("{}")  # of a checkpoint that has none any more
    (source / "generation_config.json").unlink()
    continued, taken = compiled(source, models)
    assert taken == whole // SHARD_BYTES * SHARD_BYTES
    assert "generation_config.json" not in continued


def test_a_tampered_shard_is_written_anew(source: Path, models: Path) -> None:
    left = interrupted(source, models, 6 * SHARD_BYTES)
    finished = (left / "journal.jsonl").read_text().count('"shard"')
    content = bytearray((left / "weights-0002.bin").read_bytes())
    content[100] ^= 1
    (left / "weights-0002.bin").write_bytes(content)
    continued, taken = compiled(source, models)
    assert taken == (finished - 1) * SHARD_BYTES
    assert continued == compiled(source, models.with_name("others"))[0]


def test_another_quantisation_takes_over_nothing(source: Path, models: Path) -> None:
    options = replace(BASE, quantisation="q8")
    interrupted(source, models, 6 * SHARD_BYTES)
    built, taken = compiled(source, models, options)
    assert taken == 0
    assert built == compiled(source, models.with_name("others"), options)[0]


@pytest.mark.parametrize(
    "options", [replace(BASE, context=300), replace(BASE, name="Tiny"), Options(variants=("software",))]
)
def test_what_leaves_the_weights_as_they_are_takes_them_over(source: Path, models: Path, options: Options) -> None:
    interrupted(source, models, 6 * SHARD_BYTES)
    (models.parent / "link").symlink_to(source.parent)
    built, taken = compiled(models.parent / "link" / source.name, models, options)
    assert taken >= 6 * SHARD_BYTES
    assert built == compiled(source, models.with_name("others"), options)[0]


@pytest.mark.parametrize(("old", "new"), [(b'"bytes"', b'"bytfs"'), (b"5120", b"5121"), (b'{"error"', b'\xff"error"')])
def test_a_changed_line_of_the_journal_is_passed_over(source: Path, models: Path, old: bytes, new: bytes) -> None:
    journal = interrupted(source, models, 6 * SHARD_BYTES) / "journal.jsonl"
    assert old in journal.read_bytes()
    journal.write_bytes(journal.read_bytes().replace(old, new, 1))
    assert compiled(source, models)[0] == compiled(source, models.with_name("others"))[0]


def test_a_checkpoint_that_changed_takes_over_nothing(source: Path, models: Path) -> None:
    interrupted(source, models, 6 * SHARD_BYTES)
    weights = source / "model.safetensors"
    before = weights.stat()
    content = bytearray(weights.read_bytes())
    content[-2] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))
    built, taken = compiled(source, models)
    assert taken == 0
    assert built == compiled(source, models.with_name("others"))[0]


def test_another_version_of_the_compiler_has_another_fingerprint(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package" / "kernels"
    package.mkdir(parents=True)
    (package / "a.py").write_text("A = 1")
    monkeypatch.setattr(fingerprint_module, "__file__", str(package.parent / "fingerprint.py"))
    with open_checkpoint(str(source), lambda progress: None) as checkpoint:
        before = fingerprint(checkpoint, "q4")
        assert fingerprint(checkpoint, "q4") == before
        (package / "a.py").write_text("A = 2")
        assert fingerprint(checkpoint, "q4") != before
