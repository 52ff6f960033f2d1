"""Files of a model repository on the Hugging Face hub, brought into the library's own cache.

huggingface_hub does the work, so its cache, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE behave as people know them; this
file turns its progress bars into values and its exceptions into sentences. Version 2.4 resumes a file whose connection
breaks, but throws a part of a file away when the process ends: a second run keeps whole files only.
"""

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import constants, get_cached_repo_tree, get_token, snapshot_download
from huggingface_hub.errors import (
    CachedRepoTreeNotFoundError,
    DisabledRepoError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    IncompleteSnapshotError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from tqdm.auto import tqdm

from .errors import UserError
from .interrupts import interrupts
from .progress import Progress, Report


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One commit of a repository: where its downloaded files lie, and every file it has with its size in bytes."""

    folder: Path
    commit: str
    sizes: dict[str, int]  # empty when the cache was filled by a tool that keeps no listing, and the hub is away


def download(repo: str, revision: str | None, files: Sequence[str], stage: str, report: Report) -> Snapshot:
    """The snapshot of `repo` at `revision` (None is its main branch) with those of `files` (glob patterns allowed)
    that it has, downloaded where the cache lacks them; `stage` is what its progress is called."""
    _check_settings()
    try:
        with interrupts() as interrupted:
            folder = Path(
                snapshot_download(
                    repo,
                    revision=revision,
                    allow_patterns=list(files),
                    tqdm_class=_reporter(repo, revision, files, stage, report, interrupted),
                )
            )
        return Snapshot(folder, folder.name, _sizes(repo, folder.name))
    except (HfHubHTTPError, HFValidationError, httpx2.HTTPError, OSError, ValueError) as error:
        raise UserError(_sentence(error, repo, revision)) from error


def again(path: Path) -> str:
    """What to do about a damaged file. One in the hub's cache counts as whole until it is gone."""
    cached = path.resolve().is_relative_to(Path(constants.HF_HUB_CACHE).resolve())
    return f"delete {path.resolve()} and run again" if cached else "fetch the file again"


def _check_settings() -> None:
    """UserError for what the library would stumble over in words of its own."""
    host = constants.ENDPOINT
    if urlsplit(host).scheme not in ("https", "http") or not urlsplit(host).netloc:
        raise UserError(f"HF_ENDPOINT is {host!r}; give an address like https://huggingface.co, or unset it")
    if not (get_token() or "").isascii():
        raise UserError("the token in HF_TOKEN has characters that no token has; copy it again from the hub's settings")


def _sizes(repo: str, commit: str) -> dict[str, int]:
    """Every file of the commit and its size in bytes, from the listing that the library keeps in its cache."""
    try:
        return {file.path: file.size for file in get_cached_repo_tree(repo, revision=commit)}
    except CachedRepoTreeNotFoundError:
        return {}


def _reporter(
    repo: str, revision: str | None, files: Sequence[str], stage: str, report: Report, interrupted: Event
) -> type[tqdm]:
    """A progress bar class for huggingface_hub that draws nothing and reports bytes instead. Once interrupted it ends
    the download of its file: the library would wait for the whole of each that has begun.

    The library makes one bar for bytes received, one for bytes written and one for files. The further of the two byte
    bars is reported: over plain HTTP they move together, over Xet the first runs ahead of the second.
    """
    # The exact total is known when the listing and the file names are: for the weights, not for the small files.
    sizes = _sizes(repo, revision) if revision else {}
    folder = Path(constants.HF_HUB_CACHE, f"models--{repo.replace('/', '--')}", "snapshots", revision or "")
    expected = sum(sizes[name] for name in files if name in sizes and not (folder / name).exists())
    lock = Lock()
    last = 0

    class Reporter(tqdm):  # type: ignore[misc]  # it ships no types
        def __init__(self, *arguments: object, **options: object) -> None:
            self.counts_bytes = options.get("unit") == "B"
            super().__init__(*arguments, **{**options, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            nonlocal last
            if interrupted.is_set():
                raise KeyboardInterrupt
            with lock:  # files arrive on several threads
                self.n += n or 0
                if self.counts_bytes and self.n > last:
                    last = int(self.n)
                    report(Progress(stage, last, max(expected, int(self.total or 0), last)))
            return None

    return Reporter


def _sentence(error: Exception, repo: str, revision: str | None) -> str:
    """What went wrong and what to do, in one sentence."""
    named = f"{repo}@{revision}" if revision else repo
    host = constants.ENDPOINT
    cause = error.__cause__
    match error:
        case GatedRepoError():
            return (
                f"{repo} is gated: accept its terms at {host}/{repo} with your account, "
                "then put a token of that account in HF_TOKEN (or run: hf auth login)"
            )
        case DisabledRepoError():
            return f"{host} has disabled access to {repo}; choose another checkpoint"
        case RepositoryNotFoundError():
            return (
                f"{host} has no model {repo} that this token may read; check the spelling, "
                "and for a private one put a token in HF_TOKEN (or run: hf auth login)"
            )
        case RevisionNotFoundError():
            return f"{repo} has no revision {revision!r}; give a branch, a tag or a full commit of {host}/{repo}"
        case HfHubHTTPError() if error.response.status_code == 401:
            return f"{host} refuses the token; put a valid one in HF_TOKEN (or run: hf auth login)"
        case HfHubHTTPError() if error.response.status_code == 403:
            return f"{host} does not let this token read {repo}; use a token with read access to it in HF_TOKEN"
        case HfHubHTTPError():
            return f"{host} answered {error.response.status_code} for {named}; try again later, whole files are kept"
        case HFValidationError():
            return f"{repo!r} is not a hub id; write owner/name, for example Qwen/Qwen3.5-0.8B"
        case LocalEntryNotFoundError() if constants.is_offline_mode() or isinstance(cause, OfflineModeIsEnabled):
            part = "only partly" if isinstance(error, IncompleteSnapshotError) else "not"
            return f"HF_HUB_OFFLINE is set and {named} is {part} in the cache; unset it and run again"
        case LocalEntryNotFoundError() if isinstance(cause, HfHubHTTPError):
            return _sentence(cause, repo, revision)
        case LocalEntryNotFoundError() | httpx2.ConnectError() | httpx2.ConnectTimeout() | httpx2.ProxyError():
            return f"{host} cannot be reached and {named} is not whole in the cache; check the network and run again"
        case httpx2.HTTPError():
            return f"the download of {named} from {host} broke off; run again, the files that are whole are kept"
        case OSError() if error.errno == errno.ENOSPC:
            return f"the disk is full at {constants.HF_HUB_CACHE}; free some space there or point HF_HOME elsewhere"
        case ValueError():
            return f"what answers at {host} is no model hub; log in to the network if it asks for that, and run again"
        case _:
            problem = str(error).strip().splitlines()[0]
            return f"{named} could not be downloaded ({problem}); run again, the files that are whole are kept"
