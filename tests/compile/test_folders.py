"""Folders that appear whole or not at all, whatever ends the writing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from windowseat.compile.folders import replacing

WRITE_AND_WAIT = """
import sys, time
from pathlib import Path
from windowseat.compile.folders import replacing
with replacing(Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def old_bundle(folder: Path) -> Path:
    (folder / "model").mkdir()
    (folder / "model" / "file").write_text("old")
    return folder / "model"


def write_half(target: Path, raised: type[BaseException]) -> None:
    with replacing(target) as folder:
        (folder / "file").write_text("half")
        raise raised


def kill_while_writing(target: Path) -> None:
    """What a build that is killed leaves behind."""
    with subprocess.Popen([sys.executable, "-c", WRITE_AND_WAIT, str(target)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        process.send_signal(signal.SIGKILL)


def test_a_new_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    with replacing(tmp_path / "models" / "model") as folder:
        (folder / "file").write_text("new")
        assert not (tmp_path / "models" / "model").exists()
    assert names(tmp_path / "models") == ["model"]
    assert names(tmp_path / "models" / "model") == ["file"]


def test_an_old_folder_is_replaced_whole(tmp_path: Path) -> None:
    (old_bundle(tmp_path) / "another").write_text("old")
    with replacing(tmp_path / "model") as folder:
        (folder / "file").write_text("new")
        assert (tmp_path / "model" / "file").read_text() == "old"
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["file"]
    assert (tmp_path / "model" / "file").read_text() == "new"


@pytest.mark.parametrize("raised", [ValueError, KeyboardInterrupt])
def test_an_exception_leaves_the_old_folder_and_nothing_else(tmp_path: Path, raised: type[BaseException]) -> None:
    old_bundle(tmp_path)
    with pytest.raises(raised):
        write_half(tmp_path / "model", raised)
    assert names(tmp_path) == ["model"]
    assert (tmp_path / "model" / "file").read_text() == "old"


def test_an_exception_without_an_old_folder_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="on purpose"), replacing(tmp_path / "model"):
        raise ValueError("on purpose")
    assert names(tmp_path) == []


def test_a_killed_writer_leaves_no_bundle_and_the_next_one_sweeps_up(tmp_path: Path) -> None:
    kill_while_writing(tmp_path / "model")
    assert not (tmp_path / "model").exists()
    assert len(names(tmp_path)) == 1
    with replacing(tmp_path / "model") as folder:
        (folder / "file").write_text("new")
    assert names(tmp_path) == ["model"]


def test_a_killed_writer_leaves_the_old_bundle_as_it_was(tmp_path: Path) -> None:
    old_bundle(tmp_path)
    kill_while_writing(tmp_path / "model")
    assert (tmp_path / "model" / "file").read_text() == "old"


def test_what_a_living_process_writes_is_not_swept_up(tmp_path: Path) -> None:
    other = tmp_path / f".model.partial-{os.getppid()}"
    other.mkdir()
    with replacing(tmp_path / "model"):
        pass
    assert names(tmp_path) == [other.name, "model"]


def test_what_belongs_to_another_bundle_is_not_swept_up(tmp_path: Path) -> None:
    (tmp_path / ".model-large.partial-999999999").mkdir()
    with replacing(tmp_path / "model"):
        pass
    assert names(tmp_path) == [".model-large.partial-999999999", "model"]
