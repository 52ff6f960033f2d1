"""Downloads from a hub on loopback, each in a process of its own with an empty cache."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from tests.hub_server import MIB, HubServer

# The library waits a second before each of its retries; a test need not.
PROGRAM = """
import json, sys, time
time.sleep = lambda seconds: None
from windowseat.compile.checkpoint import open_checkpoint
from windowseat.compile.errors import UserError
reports = []
try:
    with open_checkpoint(sys.argv[1], lambda each: reports.append((each.stage, each.done, each.total))) as opened:
        values = {name: opened.read(name).ravel()[:4].tolist() for name in opened.tensors}
        files = sorted(path.name for path in opened.folder.iterdir())
        print(json.dumps({"source": opened.source, "revision": opened.revision, "values": values, "files": files,
                          "reports": reports, "error": ""}))
except UserError as error:
    nothing = {"source": "", "revision": "", "values": {}, "files": [], "reports": []}
    print(json.dumps({**nothing, "error": str(error)}))
"""
SMALL = save({"w": np.array([1, 2, 3], np.float32)})
REPO = {"config.json": b"{}", "model.safetensors": SMALL, "tokenizer.json": b"{}"}


@dataclass(frozen=True)
class Opened:
    """What the process printed."""

    source: str
    revision: str
    values: dict[str, list[float]]
    files: list[str]
    reports: list[list[str | int]]  # stage, done, total
    error: str


def open_in_a_process(model: str, environment: Mapping[str, str]) -> Opened:
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, model],
        env=environment,
        cwd=environment["HF_HOME"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    return Opened(**json.loads(ran.stdout))


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


def test_a_checkpoint_is_downloaded_and_its_progress_reported(hub: HubServer, tmp_path: Path) -> None:
    commit = hub.add("owner/name", REPO)
    opened = open_in_a_process("owner/name", hub.environment(tmp_path))
    assert (opened.error, opened.source, opened.revision) == ("", "owner/name", commit)
    assert opened.values == {"w": [1, 2, 3]}
    assert opened.reports[-1] == ["Downloading owner/name: weights", len(SMALL), len(SMALL)]


def test_only_the_files_that_are_needed_are_downloaded(hub: HubServer, tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"w": "a.safetensors"}}).encode()
    files = {"config.json": b"{}", "model.safetensors.index.json": index, "a.safetensors": SMALL}
    hub.add("owner/name", {**files, "consolidated.safetensors": SMALL, "picture.png": b"", "pytorch_model.bin": b""})
    opened = open_in_a_process("owner/name", hub.environment(tmp_path))
    assert opened.files == ["a.safetensors", "config.json", "model.safetensors.index.json"]


def test_the_total_of_several_shards_is_known_from_the_first_report(hub: HubServer, tmp_path: Path) -> None:
    other = save({"v": np.zeros(1000, np.float32)})
    index = json.dumps({"weight_map": {"w": "a.safetensors", "v": "b.safetensors"}}).encode()
    hub.add(
        "owner/name",
        {"config.json": b"{}", "model.safetensors.index.json": index, "a.safetensors": SMALL, "b.safetensors": other},
    )
    opened = open_in_a_process("owner/name", hub.environment(tmp_path))
    weights = [(done, total) for stage, done, total in opened.reports if stage == "Downloading owner/name: weights"]
    assert {total for _, total in weights} == {len(SMALL) + len(other)}
    assert weights[-1] == (len(SMALL) + len(other), len(SMALL) + len(other))


def test_a_revision_follows_an_at_sign(hub: HubServer, tmp_path: Path) -> None:
    hub.add("owner/name", REPO)
    tagged = hub.add("owner/name", {**REPO, "model.safetensors": save({"w": np.array([7], np.float32)})}, ref="v1")
    by_tag = open_in_a_process("owner/name@v1", hub.environment(tmp_path))
    by_commit = open_in_a_process(f"owner/name@{tagged}", hub.environment(tmp_path))
    assert by_tag.values == by_commit.values == {"w": [7]}
    assert by_tag.revision == by_commit.revision == tagged


def test_the_second_time_nothing_is_downloaded_and_nothing_reported(hub: HubServer, tmp_path: Path) -> None:
    hub.add("owner/name", REPO)
    open_in_a_process("owner/name", hub.environment(tmp_path))
    hub.requests.clear()
    again = open_in_a_process("owner/name", hub.environment(tmp_path))
    assert again.values == {"w": [1, 2, 3]}
    assert (again.reports, hub.downloads("model.safetensors")) == ([], [])


def test_offline_the_cache_is_enough(hub: HubServer, tmp_path: Path) -> None:
    commit = hub.add("owner/name", REPO)
    open_in_a_process("owner/name", hub.environment(tmp_path))
    hub.requests.clear()
    offline = open_in_a_process("owner/name", hub.environment(tmp_path, HF_HUB_OFFLINE="1"))
    assert (offline.values, offline.revision, hub.requests) == ({"w": [1, 2, 3]}, commit, [])


def test_with_the_hub_away_the_cache_is_enough(hub: HubServer, tmp_path: Path) -> None:
    hub.add("owner/name", REPO)
    open_in_a_process("owner/name", hub.environment(tmp_path))
    hub.status = 503
    assert open_in_a_process("owner/name", hub.environment(tmp_path)).values == {"w": [1, 2, 3]}


def test_a_broken_connection_is_resumed_where_it_broke(hub: HubServer, tmp_path: Path) -> None:
    weights = save({"w": np.arange(6_000_000, dtype=np.float32)})
    hub.add("owner/name", {**REPO, "model.safetensors": weights})
    hub.breaks = {"model.safetensors": [15_000_000]}
    opened = open_in_a_process("owner/name", hub.environment(tmp_path))
    assert opened.values == {"w": [0, 1, 2, 3]}
    # The library takes 10 MiB at a time, so that much was safe when the connection broke at 15 MB.
    assert [each.range for each in hub.downloads("model.safetensors")] == [None, "bytes=10485760-"]
    assert opened.reports[-1][1:] == [len(weights), len(weights)]


def test_a_download_that_keeps_breaking_keeps_the_shards_that_are_whole(hub: HubServer, tmp_path: Path) -> None:
    index = json.dumps({"weight_map": {"w": "a.safetensors", "v": "b.safetensors"}}).encode()
    first = {"config.json": b"{}", "model.safetensors.index.json": index, "a.safetensors": SMALL}
    commit = hub.add("owner/name", {**first, "b.safetensors": save({"v": np.zeros(3, np.float32)})})
    hub.breaks = {"b.safetensors": [10] * 6}  # the library tries five times again
    broken = open_in_a_process("owner/name", hub.environment(tmp_path))
    assert broken.error == (
        f"the download of owner/name@{commit} from {hub.url} broke off; run again, the files that are whole are kept"
    )
    again = open_in_a_process("owner/name", hub.environment(tmp_path))
    assert again.values == {"v": [0, 0, 0], "w": [1, 2, 3]}
    assert len(hub.downloads("a.safetensors")) == 1


def test_the_token_is_sent_and_opens_a_private_repository(hub: HubServer, tmp_path: Path) -> None:
    hub.add("owner/name", REPO)
    hub.repositories["owner/name"].token = "hf_test"
    without = open_in_a_process("owner/name", hub.environment(tmp_path))
    assert without.error == (
        f"{hub.url} has no model owner/name that this token may read; check the spelling, "
        "and for a private one put a token in HF_TOKEN (or run: hf auth login)"
    )
    hub.requests.clear()
    assert open_in_a_process("owner/name", hub.environment(tmp_path, HF_TOKEN="hf_test")).values == {"w": [1, 2, 3]}
    assert {each.authorization for each in hub.requests} == {"Bearer hf_test"}


@pytest.mark.parametrize("endpoint", ["huggingface.co", "https:", "ftp://huggingface.co"])
def test_an_address_that_is_no_hubs_is_named(tmp_path: Path, hub: HubServer, endpoint: str) -> None:
    error = open_in_a_process("owner/name", hub.environment(tmp_path, HF_ENDPOINT=endpoint)).error
    assert error == f"HF_ENDPOINT is {endpoint!r}; give an address like https://huggingface.co, or unset it"


def test_a_token_that_can_be_none_is_said_and_not_shown(hub: HubServer, tmp_path: Path) -> None:
    error = open_in_a_process("owner/name", hub.environment(tmp_path, HF_TOKEN="hf_ключ")).error
    assert error == "the token in HF_TOKEN has characters that no token has; copy it again from the hub's settings"


def test_the_login_page_of_a_network_is_no_hub(hub: HubServer, tmp_path: Path) -> None:
    hub.page = b"<!doctype html><title>Log in</title>"
    error = open_in_a_process("owner/name", hub.environment(tmp_path)).error
    assert error.startswith(f"what answers at {hub.url} is no model hub; log in to the network if it asks for that")


def test_a_damaged_file_of_the_cache_is_named_for_deletion(hub: HubServer, tmp_path: Path) -> None:
    hub.add("owner/name", REPO)
    open_in_a_process("owner/name", hub.environment(tmp_path))
    for name, damage in (("config.json", b"{"), ("model.safetensors", b"\xff" * 20)):
        (link,) = tmp_path.glob(f"**/snapshots/*/{name}")
        link.resolve().write_bytes(damage)
        error = open_in_a_process("owner/name", hub.environment(tmp_path)).error
        assert error.endswith(f"; delete {link.resolve()} and run again")
        link.resolve().unlink()
        assert open_in_a_process("owner/name", hub.environment(tmp_path)).error == ""


def test_ctrl_c_ends_a_download_before_its_file_is_whole(hub: HubServer, tmp_path: Path) -> None:
    weights = save({"w": np.zeros(15 * MIB, np.float32)})
    hub.add("owner/name", {**REPO, "model.safetensors": weights})
    hub.pause = 0.1
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM.replace("reports.append(", "print("), "owner/name"],
        env=hub.environment(tmp_path) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        while b"weights" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait() == -signal.SIGINT
    assert hub.sent < len(weights)


def test_a_missing_repository_is_named(hub: HubServer, tmp_path: Path) -> None:
    error = open_in_a_process("owner/nmae", hub.environment(tmp_path, HF_TOKEN="hf_test")).error
    assert error.startswith(f"{hub.url} has no model owner/nmae that this token may read; check the spelling")


def test_a_gated_repository_says_how_to_get_in(hub: HubServer, tmp_path: Path) -> None:
    hub.add("owner/name", REPO)
    hub.repositories["owner/name"].gated = True
    assert open_in_a_process("owner/name", hub.environment(tmp_path, HF_TOKEN="hf_test")).error == (
        f"owner/name is gated: accept its terms at {hub.url}/owner/name with your account, "
        "then put a token of that account in HF_TOKEN (or run: hf auth login)"
    )


def test_an_unknown_revision_is_named(hub: HubServer, tmp_path: Path) -> None:
    hub.add("owner/name", REPO)
    error = open_in_a_process("owner/name@v9", hub.environment(tmp_path)).error
    assert error == f"owner/name has no revision 'v9'; give a branch, a tag or a full commit of {hub.url}/owner/name"


def test_offline_without_a_cache_says_so(hub: HubServer, tmp_path: Path) -> None:
    error = open_in_a_process("owner/name", hub.environment(tmp_path, HF_HUB_OFFLINE="1")).error
    assert error == "HF_HUB_OFFLINE is set and owner/name is not in the cache; unset it and run again"


def test_without_a_network_the_host_is_named(tmp_path: Path) -> None:
    with HubServer() as hub:
        environment = hub.environment(tmp_path)
    error = open_in_a_process("owner/name", environment).error
    assert error == (
        f"{hub.url} cannot be reached and owner/name is not whole in the cache; check the network and run again"
    )


def test_a_hub_in_trouble_is_told_apart_from_no_network(hub: HubServer, tmp_path: Path) -> None:
    hub.status = 503
    error = open_in_a_process("owner/name", hub.environment(tmp_path)).error
    assert error == f"{hub.url} answered 503 for owner/name; try again later, whole files are kept"


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"config.json": b"{}", "q4.gguf": b""}, "owner/name has only GGUF files"),
        ({"config.json": b"{}", "pytorch_model.bin": b""}, "owner/name has only pytorch_model.bin"),
        ({"adapter_config.json": b"{}", "adapter_model.safetensors": b""}, "owner/name is an adapter"),
        ({"model.safetensors": SMALL}, "owner/name has no config.json"),
    ],
)
def test_an_unfit_repository_is_refused_before_its_weights_are_downloaded(
    hub: HubServer, tmp_path: Path, files: dict[str, bytes], sentence: str
) -> None:
    hub.add("owner/name", files)
    assert open_in_a_process("owner/name", hub.environment(tmp_path)).error.startswith(sentence)
    assert hub.downloads("model.safetensors") == []
