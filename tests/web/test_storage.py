"""What Chromium keeps of a bundle, on a server with the faults of real networks."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.conftest import served
from tests.web.faulty_server import FaultyServer
from tests.web.toy_site import ToySite, pages

SHARDS = [f"weights-{i:04d}.bin" for i in range(5)]
SHARD_BYTES = 512
WEIGHT_BYTES = 2324
GREEDY = {"temperature": 0, "top_k": 0, "top_p": 1, "seed": 0}
ASK = {"kind": "generate", "id": 1, "messages": [{"role": "user", "content": "hé"}], "sampling": GREEDY, "maxTokens": 6}

# Starts a worker, whose script is there from then on. `say` gives what it says up to the end of the request.
WORKER = """() => {
  const worker = new Worker("engine_worker.js", { type: "module" });
  const ends = ["ready", "done", "failed", "stored", "storage_speed", "storage_failed"];
  window.progress = [];
  window.begin = (message) => {
    window.end = new Promise((resolve, reject) => {
      worker.onerror = (event) => reject(new Error(event.message));
      worker.onmessage = ({ data }) => {
        window.progress.push(data);
        if (ends.includes(data.kind)) resolve(data);
      };
    });
    worker.postMessage(message);
  };
  window.say = (message) => (window.begin(message), window.end);
  window.post = (message) => worker.postMessage(message);
}"""

# Turns one bit of a stored file, or writes a file where broken-off loads leave theirs.
SPOIL = """async ([folder, name, at]) => {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle("windowseat");
  const file = await (await root.getDirectoryHandle(folder)).getFileHandle(name, { create: true });
  const bytes = new Uint8Array(await (await file.getFile()).arrayBuffer());
  const writable = await file.createWritable({ keepExistingData: true });
  await writable.write({ type: "write", position: at, data: new Uint8Array([bytes[at] ^ 1]) });
  await writable.close();
}"""

NAMES = """async (folder) => {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle("windowseat");
  const names = [];
  for await (const name of (await root.getDirectoryHandle(folder)).keys()) names.push(name);
  return names.sort();
}"""


# Whether a newer version of the only bundle was noted. Behind a record's text is its checksum.
NEXT_IS_KNOWN = """async () => {
  const root = await (await navigator.storage.getDirectory()).getDirectoryHandle("windowseat");
  for await (const file of (await root.getDirectoryHandle("bundles")).values()) {
    const stored = await file.getFile();
    try {
      return JSON.parse(await stored.slice(0, stored.size - 16).text()).next !== null;
    } catch (error) {
      if (error.name === "NotReadableError") return false;  // it was written meanwhile
      throw error;
    }
  }
}"""


class Site:
    """The toy bundle on a faulty server, and tabs of one browser profile."""

    def __init__(self, folder: Path, browser: Browser) -> None:
        self.folder = folder
        self.server = FaultyServer(folder)
        self._running = ExitStack()
        self._pages = ExitStack()
        self.address = self._running.enter_context(served(self.server))
        # What a test does to the network is on the console.
        expected = ("ERR_", "Failed to load resource")
        self._new_page = self._pages.enter_context(pages(browser, self.address, expected))
        self.bundle = f"{self.address}toy"

    def tab(self) -> Page:
        """A page with a worker, which needs the server no more."""
        page = self._new_page()
        page.evaluate(WORKER)
        page.evaluate("say({ kind: 'list_stored' })")
        self.server.asked.clear()
        return page

    def stop_server(self) -> None:
        self._running.close()

    def close(self) -> None:
        self._pages.close()
        self._running.close()

    def limit_storage(self, page: Page, size: int) -> None:
        """Lets the browser store so many bytes for this site."""
        limit = {"origin": self.address.rstrip("/"), "quotaSize": size}
        page.context.new_cdp_session(page).send("Storage.overrideQuotaForOrigin", limit)

    def hashes(self, bundle: str = "toy") -> dict[str, str]:
        """The SHA-256 of each file of a bundle."""
        manifest = json.loads((self.folder / bundle / "bundle.json").read_text())
        return {file["path"]: file["sha256"] for file in manifest["files"]}

    def change(self, name: str, content: bytes, bundle: str = "toy") -> None:
        """A new version of the bundle, with another file."""
        folder = self.folder / bundle
        (folder / name).write_bytes(content)
        manifest = json.loads((folder / "bundle.json").read_text())
        for file in manifest["files"]:
            if file["path"] == name:
                file |= {"sha256": sha256(content).hexdigest(), "bytes": len(content)}
        (folder / "bundle.json").write_text(json.dumps(manifest))


@pytest.fixture
def site(browser: Browser, toy_site: ToySite, tmp_path: Path) -> Iterator[Site]:
    folder = tmp_path / "site"
    shutil.copytree(toy_site.folder, folder)
    made = Site(folder, browser)
    yield made
    made.close()


def say(page: Page, **message: Any) -> dict[str, Any]:
    answer: dict[str, Any] = page.evaluate("(message) => say(message)", message)
    return answer


def load(page: Page, address: str, **options: Any) -> dict[str, Any]:
    """Loads and gives the summary."""
    answer = say(page, kind="load", bundle=address, **options)
    assert answer["kind"] == "ready", answer
    model: dict[str, Any] = answer["model"]
    return model


def answer_of(page: Page) -> str:
    page.evaluate("progress = []")
    say(page, **ASK)
    return "".join(page.evaluate("progress.filter(({ kind }) => kind === 'delta').map(({ text }) => text)"))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in 10 s"
        time.sleep(0.01)


def test_a_second_load_needs_no_network(site: Site) -> None:
    first, second = site.tab(), site.tab()
    cold = load(first, site.bundle)
    assert (cold["storedBytes"], cold["notKept"]) == (0, None)
    assert cold["networkBytes"] > WEIGHT_BYTES
    assert 2 <= cold["mostShards"] <= 4
    assert site.server.at_once <= 3 + 3  # shards, and the three files of the text side
    expected = answer_of(first)
    site.stop_server()
    started = time.monotonic()
    warm = load(second, site.bundle)
    assert time.monotonic() - started < 5
    assert (warm["networkBytes"], warm["storedBytes"]) == (0, cold["networkBytes"])
    assert warm["mostShards"] <= 4
    assert answer_of(second) == expected != ""
    speed = say(second, kind="measure_storage", address=site.bundle)
    assert (speed["bytes"], speed["ms"] > 0) == (WEIGHT_BYTES, True)


def test_an_update_fetches_only_what_changed_and_drops_what_no_one_has_any_more(site: Site) -> None:
    page = site.tab()
    load(page, site.bundle)
    before = answer_of(page)
    site.server.asked.clear()
    site.change(SHARDS[1], bytes(SHARD_BYTES))
    assert load(page, site.bundle)["networkBytes"] == SHARD_BYTES
    assert site.server.names() == [SHARDS[1]]
    assert answer_of(page) != before
    used = {hash for path, hash in site.hashes().items() if not path.startswith("tokenizer_config")}
    assert used <= set(page.evaluate(NAMES, "files"))
    assert len(page.evaluate(NAMES, "files")) == len(site.hashes())


def test_a_slow_network_is_not_waited_for_and_its_news_are_taken_up_at_the_next_load(site: Site) -> None:
    page = site.tab()
    load(page, site.bundle)
    site.change(SHARDS[1], bytes(SHARD_BYTES))
    site.server.held.add("bundle.json")
    assert load(page, site.bundle)["networkBytes"] == 0
    site.server.held.clear()
    wait_for(lambda: page.evaluate(NEXT_IS_KNOWN))
    # The late version is not here: the next load waits longer for the network, and falls back on the one that is.
    assert load(page, site.bundle)["networkBytes"] == SHARD_BYTES


def test_what_is_no_manifest_is_no_news_of_a_model_that_is_here(site: Site) -> None:
    page = site.tab()
    load(page, site.bundle)
    (site.folder / "toy/bundle.json").write_text("<!doctype html><title>Sign in to the network</title>")
    assert load(page, site.bundle)["networkBytes"] == 0
    site.server.held.add("bundle.json")
    load(page, site.bundle)
    site.server.held.clear()
    time.sleep(0.5)  # it comes
    assert not page.evaluate(NEXT_IS_KNOWN)


def test_a_bit_that_turned_in_storage_is_found_and_the_file_fetched_again(site: Site) -> None:
    page = site.tab()
    load(page, site.bundle)
    expected = answer_of(page)
    for at in (0, SHARD_BYTES - 1, SHARD_BYTES + 3):  # the content's ends, and the checksum
        site.server.asked.clear()
        page.evaluate(SPOIL, ["files", site.hashes()[SHARDS[2]], at])
        assert load(page, site.bundle)["networkBytes"] == SHARD_BYTES
        assert site.server.names() == [SHARDS[2]]
    assert load(page, site.bundle)["networkBytes"] == 0
    assert answer_of(page) == expected


def test_a_bit_that_turned_on_the_network_is_found_before_the_file_is_kept(site: Site) -> None:
    page = site.tab()
    site.server.flipped.add(SHARDS[2])
    model = load(page, site.bundle)
    assert site.server.names().count(SHARDS[2]) == 2
    assert load(page, site.bundle)["storedBytes"] == model["networkBytes"] - SHARD_BYTES


def test_a_connection_that_breaks_is_taken_up_where_it_broke(site: Site) -> None:
    page = site.tab()
    site.server.cut[SHARDS[3]] = 200
    model = load(page, site.bundle)
    assert [asked for name, asked in site.server.asked if name == SHARDS[3]] == [None, "bytes=200-"]
    assert load(page, site.bundle)["storedBytes"] == model["networkBytes"]


def test_a_cancelled_load_goes_on_where_it_was_and_what_broken_loads_left_is_removed(site: Site) -> None:
    page = site.tab()
    site.server.held.add(SHARDS[4])
    page.evaluate("(message) => begin(message)", {"kind": "load", "bundle": site.bundle})
    wait_for(lambda: len(page.evaluate(NAMES, "files")) == len(site.hashes()) - 1)
    page.evaluate("post({ kind: 'cancel_load' })")
    failed = page.evaluate("end")
    assert failed["failure"]["code"] == "cancelled"
    assert page.evaluate(NAMES, "parts") == []
    (stored,) = say(page, kind="list_stored")["bundles"]
    assert (stored["name"], stored["complete"]) == ("toy", False)
    page.evaluate(SPOIL, ["parts", "f" * 64, 0])
    page.evaluate(SPOIL, ["files", "e" * 64, 0])
    site.server.held.clear()
    site.server.asked.clear()
    load(page, site.bundle)
    assert site.server.names() == [SHARDS[4]]
    assert page.evaluate(NAMES, "parts") == []
    assert set(page.evaluate(NAMES, "files")) <= set(site.hashes().values())


def test_a_load_that_is_cancelled_while_it_reads_costs_no_file(site: Site) -> None:
    page = site.tab()
    load(page, site.bundle)
    files = page.evaluate(NAMES, "files")
    ends = set()
    for wait in range(0, 60, 3):
        page.evaluate("(message) => begin(message)", {"kind": "load", "bundle": site.bundle})
        page.evaluate("(ms) => new Promise((resolve) => setTimeout(resolve, ms))", wait)
        page.evaluate("post({ kind: 'cancel_load' })")
        ends.add(page.evaluate("end")["kind"])
        assert page.evaluate(NAMES, "files") == files
    assert "failed" in ends
    site.server.asked.clear()
    assert load(page, site.bundle)["networkBytes"] == 0


def test_two_tabs_fetch_each_file_once(site: Site) -> None:
    tabs = [site.tab(), site.tab()]
    for page in tabs:
        page.evaluate("(message) => begin(message)", {"kind": "load", "bundle": site.bundle})
    models = [page.evaluate("end")["model"] for page in tabs]
    names = site.server.names()
    assert sorted(names) == sorted(set(names))
    assert set(SHARDS) <= set(names)
    assert models[0]["networkBytes"] + models[1]["networkBytes"] == models[0]["storedBytes"] + models[1]["storedBytes"]
    assert answer_of(tabs[0]) == answer_of(tabs[1]) != ""


def test_a_storage_that_gets_full_ends_no_load_and_is_said(site: Site) -> None:
    page = site.tab()
    site.server.held.update(SHARDS)
    page.evaluate("(message) => begin(message)", {"kind": "load", "bundle": site.bundle})
    wait_for(lambda: any(name == SHARDS[0] for name, _ in site.server.asked))
    site.limit_storage(page, 1000)
    site.server.held.clear()
    model = page.evaluate("end")["model"]
    assert "free some space on the disk" in model["notKept"]
    assert answer_of(page) != ""
    assert page.evaluate(NAMES, "parts") == []


def test_a_bundle_that_will_not_fit_is_loaded_without_being_kept(site: Site) -> None:
    path = site.folder / "toy/bundle.json"
    manifest = json.loads(path.read_text())
    manifest["files"].append({"path": "huge.bin", "bytes": 10**15, "sha256": "0" * 64})
    path.write_text(json.dumps(manifest))
    page = site.tab()
    model = load(page, site.bundle)
    assert "its files take 953674316 MiB and this site may store" in model["notKept"]
    assert say(page, kind="list_stored")["bytes"] == 0


def test_a_new_version_takes_the_room_of_the_one_before(site: Site) -> None:
    page = site.tab()
    size = 100_000
    site.change("tokenizer_config.json", b"{}".ljust(size))
    load(page, site.bundle)
    usage = page.evaluate("navigator.storage.estimate().then(({ usage }) => usage)")
    site.limit_storage(page, usage + size // 2)
    site.change("tokenizer_config.json", b"{}".rjust(size))
    model = load(page, site.bundle)
    assert (model["networkBytes"], model["notKept"]) == (size, None)
    assert load(page, site.bundle)["networkBytes"] == 0


def test_bundles_share_files_and_deleting_one_leaves_the_other_whole(site: Site) -> None:
    shutil.copytree(site.folder / "toy", site.folder / "other")
    site.change(SHARDS[0], bytes(SHARD_BYTES), "other")
    other = f"{site.address}other"
    page = site.tab()
    alone = load(page, site.bundle)["networkBytes"]
    assert load(page, other)["networkBytes"] == SHARD_BYTES
    stored = say(page, kind="list_stored")
    assert sorted(each["address"] for each in stored["bundles"]) == [other, site.bundle]
    assert [each["bytes"] for each in stored["bundles"]] == [alone, alone]
    assert stored["bytes"] == alone + SHARD_BYTES
    left = say(page, kind="delete_stored", address=site.bundle)
    assert ([each["address"] for each in left["bundles"]], left["bytes"]) == ([other], alone)
    assert load(page, other)["networkBytes"] == 0
    assert say(page, kind="delete_stored", address=site.bundle)["failure"]["code"] == "bad_request"
    assert say(page, kind="delete_stored", address=None) == {"kind": "stored", "bundles": [], "bytes": 0}


def test_what_is_deleted_while_another_tab_loads_it_is_not_said_to_be_whole(site: Site) -> None:
    loading, other = site.tab(), site.tab()
    site.server.held.add(SHARDS[4])
    loading.evaluate("(message) => begin(message)", {"kind": "load", "bundle": site.bundle})
    wait_for(lambda: len(loading.evaluate(NAMES, "files")) == len(site.hashes()) - 1)
    say(other, kind="delete_stored", address=None)
    site.server.held.clear()
    assert loading.evaluate("end")["kind"] == "ready"
    assert say(other, kind="list_stored") == {"kind": "stored", "bundles": [], "bytes": 0}
    load(other, site.bundle)
    assert load(other, site.bundle)["networkBytes"] == 0


def test_keeping_can_be_switched_off_and_needs_a_worker(site: Site) -> None:
    page = site.tab()
    assert "asked not to" in load(page, site.bundle, keep=False)["notKept"]
    summary = page.evaluate("(bundle) => windowseat.load(bundle, {})", site.bundle)
    assert "only a worker" in summary["notKept"]
    assert say(page, kind="list_stored")["bytes"] == 0
