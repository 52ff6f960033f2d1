"""Folders that appear whole or not at all, whatever ends the writing."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from windowseat.compile.errors import UserError
from windowseat.compile.folders import check_replaceable, replacing

WRITE_AND_WAIT = """
import sys, time
from pathlib import Path
from windowseat.compile.folders import replacing
with replacing(Path(sys.argv[1]), sys.argv[2] or None) as folder:
    (folder / "half").write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""
WEEK = 7 * 24 * 3600


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def old_bundle(folder: Path) -> Path:
    (folder / "model").mkdir()
    (folder / "model" / "file").write_text("old")
    return folder / "model"


def write_half(target: Path, raised: type[BaseException], key: str | None = None) -> None:
    with replacing(target, key) as folder:
        (folder / "file").write_text("half")
        raise raised


@contextmanager
def writing(target: Path, key: str = "") -> Iterator[None]:
    """Another process writes into the folder, and is killed when the block ends."""
    with subprocess.Popen([sys.executable, "-c", WRITE_AND_WAIT, target, key], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        yield
        process.send_signal(signal.SIGKILL)


def leftover(parent: Path, name: str, age: float = 0) -> Path:
    """What a killed writer left, so many seconds ago."""
    path = parent / name
    path.mkdir()
    os.utime(path, (time.time() - age,) * 2)
    return path


def test_a_new_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    with replacing(tmp_path / "models" / "model") as folder:
        (folder / "file").write_text("new")
        assert not (tmp_path / "models" / "model").exists()
    assert names(tmp_path / "models") == ["model"]
    assert names(tmp_path / "models" / "model") == ["file"]


@pytest.mark.parametrize("kind", ["missing", "empty", "one of them", "link to one"])
def test_what_may_be_replaced(tmp_path: Path, kind: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "one of them").mkdir()
    (tmp_path / "one of them" / "mark").touch()
    (tmp_path / "link to one").symlink_to("one of them")
    check_replaceable(tmp_path / kind, "marked one", lambda folder: (folder / "mark").is_file())


@pytest.mark.parametrize("kind", ["model", "file", "link"])
def test_what_is_not_ours_is_named_and_stays(tmp_path: Path, kind: str) -> None:
    old_bundle(tmp_path)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("model")
    with pytest.raises(UserError, match=f"^{tmp_path / kind} is there already and is no marked one, so it stays;"):
        check_replaceable(tmp_path / kind, "marked one", lambda folder: (folder / "mark").is_file())


def test_a_history_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "model" / ".git").mkdir(parents=True)
    with pytest.raises(UserError, match=r"has a \.git in it, which would be lost; choose another --out"):
        check_replaceable(tmp_path / "model", "thing", lambda _: True)


@pytest.mark.parametrize("folder", [".", "", "/", ".."])
def test_the_folder_one_is_in_is_not_replaced(folder: str) -> None:
    with pytest.raises(UserError, match="is the folder you are in, or one around it; choose another with --out"):
        check_replaceable(Path(folder), "thing", lambda _: True)


def test_what_is_a_link_is_replaced_behind_it(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    old_bundle(tmp_path / "disk")
    (tmp_path / "model").symlink_to("disk/model")
    for text in ("new", "newer"):
        with replacing(tmp_path / "model") as folder:
            (folder / "file").write_text(text)
        assert (tmp_path / "model").is_symlink()
        assert (tmp_path / "disk" / "model" / "file").read_text() == text
    assert (names(tmp_path), names(tmp_path / "disk")) == (["disk", "model"], ["model"])


def test_an_old_folder_is_replaced_whole(tmp_path: Path) -> None:
    (old_bundle(tmp_path) / "another").write_text("old")
    with replacing(tmp_path / "model") as folder:
        (folder / "file").write_text("new")
        assert (tmp_path / "model" / "file").read_text() == "old"
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["file"]
    assert (tmp_path / "model" / "file").read_text() == "new"


def test_a_writer_that_is_done_in_the_same_moment_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rename, others = Path.rename, iter([True])

    def after_another(path: Path, target: Path) -> Path:
        if target.name == "model" and next(others, False):
            old_bundle(tmp_path)
        return rename(path, target)

    with replacing(tmp_path / "model") as folder:
        (folder / "file").write_text("new")
        monkeypatch.setattr(Path, "rename", after_another)
    assert (tmp_path / "model" / "file").read_text() == "new"
    assert names(tmp_path) == ["model"]


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


def test_a_killed_writer_leaves_the_old_bundle_as_it_was_and_the_next_one_sweeps_up(tmp_path: Path) -> None:
    old_bundle(tmp_path)
    with writing(tmp_path / "model"):
        pass
    assert (tmp_path / "model" / "file").read_text() == "old"
    assert len(names(tmp_path)) == 2
    with replacing(tmp_path / "model") as folder:
        assert names(folder) == []
    assert names(tmp_path) == ["model"]


def test_what_a_living_process_writes_is_neither_taken_over_nor_swept_up(tmp_path: Path) -> None:
    with writing(tmp_path / "model", "key"):
        with replacing(tmp_path / "model", "key") as folder:
            assert names(folder) == []
        living, *_ = names(tmp_path)
        assert names(tmp_path) == [living, "model"]
        assert names(tmp_path / living) == ["half"]


def test_a_killed_writer_leaves_its_work_to_the_next_one_with_its_key(tmp_path: Path) -> None:
    with writing(tmp_path / "model", "key"):
        pass
    with replacing(tmp_path / "model", "key") as folder:
        assert names(folder) == ["half"]
    assert names(tmp_path) == ["model"]


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_leaves_the_work_to_the_next_writer_with_the_same_key(
    tmp_path: Path, raised: type[BaseException]
) -> None:
    with pytest.raises(raised):
        write_half(tmp_path / "model", raised, "key")
    with replacing(tmp_path / "model", "key") as folder:
        assert names(folder) == ["file"]
    assert names(tmp_path) == ["model"]


def test_an_error_leaves_nothing_whatever_the_key(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^$"):
        write_half(tmp_path / "model", ValueError, "key")
    assert names(tmp_path) == []


@pytest.mark.parametrize("key", ["other", None])
def test_another_key_gets_an_empty_folder_and_the_work_of_the_first_is_removed(tmp_path: Path, key: str | None) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_half(tmp_path / "model", KeyboardInterrupt, "key")
    with replacing(tmp_path / "model", key) as folder:
        assert names(folder) == []
        assert names(tmp_path) == [folder.name]


def test_what_belongs_to_another_bundle_is_swept_up_after_a_week(tmp_path: Path) -> None:
    fresh = leftover(tmp_path, ".model-large.partial-key-1", age=WEEK - 60)
    leftover(tmp_path, ".model-large.partial-key-2", age=WEEK + 60)
    unlike = leftover(tmp_path, ".large.partial", age=WEEK + 60)
    with replacing(tmp_path / "model"):
        pass
    assert names(tmp_path) == sorted([fresh.name, unlike.name, "model"])


def test_a_kill_between_the_two_renames_loses_no_bundle(tmp_path: Path) -> None:
    old_bundle(tmp_path).rename(tmp_path / ".model.replaced-1")
    with pytest.raises(ValueError, match=r"^$"):
        write_half(tmp_path / "model", ValueError)
    assert (tmp_path / "model" / "file").read_text() == "old"
    assert names(tmp_path) == ["model"]


def test_a_link_that_was_replaced_is_swept_up_and_what_is_behind_it_stays(tmp_path: Path) -> None:
    old_bundle(tmp_path)
    (tmp_path / "disk").mkdir()
    (tmp_path / ".model.replaced-1").symlink_to("disk")
    with replacing(tmp_path / "model"):
        pass
    assert names(tmp_path) == ["disk", "model"]


def test_a_kill_after_the_two_renames_leaves_the_new_bundle(tmp_path: Path) -> None:
    old_bundle(tmp_path)
    leftover(tmp_path, ".model.replaced-1")
    with pytest.raises(ValueError, match=r"^$"):
        write_half(tmp_path / "model", ValueError)
    assert names(tmp_path) == ["model"]
    assert names(tmp_path / "model") == ["file"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_said_in_words(tmp_path: Path, number: int) -> None:
    with pytest.raises(UserError) as caught, replacing(tmp_path / "model"):
        raise OSError(number, "text")
    assert str(caught.value) == f"No room left on the disk under {tmp_path}; free some space and build again."


def test_another_error_of_the_disk_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="on purpose"), replacing(tmp_path / "model"):
        raise OSError(errno.EIO, "on purpose")
