"""Folders that appear whole or not at all.

While one is written its name is .NAME.partial-KEY-TOKEN, and its writer holds a lock on it, which the system takes away
when the writer dies. So an unlocked one is what a killed writer left. The old folder is .NAME.replaced-TOKEN for the
moment between two renames; a kill right there is made good by the next writer. What is a link is written behind it.
"""

import errno
import fcntl
import glob
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import UserError

ABANDONED = 7 * 24 * 3600  # seconds; older leftovers go, whatever they were to become
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
PARTIAL = re.compile(r"\.(?P<name>.+)\.partial-(?P<key>\w+)-\w+")


def check_replaceable(folder: Path, what: str, is_one: Callable[[Path], bool]) -> None:
    """UserError unless the folder is new, empty, or holds `what` is to replace it, by `is_one`."""
    place = _behind_links(folder)
    if Path.cwd().is_relative_to(place):
        raise UserError(f"{folder} is the folder you are in, or one around it; choose another with --out")
    if (place / ".git").exists():
        raise UserError(f"{folder} has a .git in it, which would be lost; choose another --out, and copy from there")
    if place.exists() and not is_one(place) and not (place.is_dir() and not any(place.iterdir())):
        raise UserError(
            f"{folder} is there already and is no {what}, so it stays; choose another folder with --out, or remove it"
        )


@contextmanager
def replacing(folder: Path, key: str | None = None) -> Iterator[Path]:
    """A folder to write into, which takes the place of `folder` when the block ends well and is removed when it fails.

    With a key, a block that is killed or interrupted leaves it, and the next one with the same key gets it again, with
    what is in it. Without one it is always empty.
    """
    folder = _behind_links(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _settle(folder)
    partial, lock = _left(folder, key) or _new(folder, key)
    try:
        yield partial
        _swap(partial, folder)
    except BaseException as error:
        if key is None or isinstance(error, Exception):
            shutil.rmtree(partial, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            raise UserError(
                f"No room left on the disk under {folder.parent}; free some space and build again."
            ) from error
        raise
    finally:
        _settle(folder)
        _unlock(lock)


def _behind_links(folder: Path) -> Path:
    return Path(os.path.realpath(folder))


def _left(folder: Path, key: str | None) -> tuple[Path, int] | None:
    """What a writer with this key left behind; all else that dead writers of this folder left is removed."""
    found = None
    for path in sorted(folder.parent.glob(".*.partial-*")):
        match = PARTIAL.fullmatch(path.name)
        if match is None or (match["name"] != folder.name and not _abandoned(path)):
            continue
        lock = _lock(path)
        if lock is None:
            continue
        if (match["name"], match["key"]) == (folder.name, key) and found is None:
            found = path, lock
        else:
            shutil.rmtree(path)
            _unlock(lock)
    return found


def _new(folder: Path, key: str | None) -> tuple[Path, int | None]:
    token = secrets.token_hex(4)
    path = folder.parent / f".{folder.name}.{token}"
    path.mkdir()
    lock = _lock(path)
    # Locked before it has a name that others would sweep up.
    return path.rename(folder.parent / f".{folder.name}.partial-{key or 'once'}-{token}"), lock


def _swap(partial: Path, folder: Path) -> None:
    """Puts the finished folder in its place. Another writer may do the same meanwhile: whoever is last stays."""
    while not _placed(partial, folder):
        lock = _lock(folder)
        try:
            with suppress(FileNotFoundError):
                folder.rename(folder.parent / f".{folder.name}.replaced-{secrets.token_hex(4)}")
            if _placed(partial, folder):
                return
        finally:
            _unlock(lock)


def _placed(partial: Path, folder: Path) -> bool:
    """Renames, unless another folder with something in it has the name."""
    try:
        partial.rename(folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _settle(folder: Path) -> None:
    """Removes a folder that was replaced, or puts it back if what was to replace it never took its place."""
    for path in folder.parent.glob(f".{glob.escape(folder.name)}.replaced-*"):
        lock = _lock(path)
        if lock is None:
            continue
        if not folder.exists():
            path.rename(folder)
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        _unlock(lock)


def _abandoned(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > ABANDONED
    except FileNotFoundError:
        return False


def _lock(folder: Path) -> int | None:
    """A handle that keeps other writers away until it is closed; None if one has it, if the folder is gone, or if the
    file system has no locks: then nobody takes over what is left there, and nobody sweeps it up."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(handle), folder.stat()):  # not renamed since
            return handle
    except OSError:
        pass
    os.close(handle)
    return None


def _unlock(lock: int | None) -> None:
    if lock is not None:
        os.close(lock)
