"""What several parts of the tests share: a browser, and folders served on a free port of this machine."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType

import pytest
import uvicorn
from filelock import FileLock
from playwright.sync_api import Browser, Playwright, sync_playwright
from starlette.types import ASGIApp
from windowseat.site_builder import server
from windowseat.site_builder.node import find_node
from windowseat.site_builder.runtimes import ICD, QUIET_FLAGS, SOFTWARE_FLAGS, SWIFTSHADER

from tests.lavapipe import Lavapipe, build_lavapipe

WEB = Path(__file__).parents[1] / "web"
CHROMIUM = "/usr/bin/chromium"
SOFTWARE_WEBGPU = ["--enable-unsafe-webgpu", *SOFTWARE_FLAGS]


def pytest_xdist_auto_num_workers() -> int:
    """Processes of `make test`: one more than cores, for tests wait for pages and timers a sixth of their time."""
    return min((os.cpu_count() or 1) + 1, 6)


@pytest.fixture(scope="session")
def node(testrun_uid: str) -> str:
    """The path of Node, once all TypeScript is built: once a run, while the other process of the run waits."""
    found = find_node()
    assert (WEB / "node_modules").is_dir(), "web/node_modules is missing; run npm ci in web/"
    done = WEB / "build" / "tested.txt"
    done.parent.mkdir(exist_ok=True)
    with FileLock(done.with_suffix(".lock")):
        if not done.is_file() or done.read_text() != testrun_uid:
            subprocess.run([found, "build.mjs"], cwd=WEB, check=True)
            done.write_text(testrun_uid)
    return found


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright, started once."""
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def lavapipe(tmp_path_factory: pytest.TempPathFactory) -> Lavapipe | None:
    """Mesa's software adapter, where tests can have it."""
    return build_lavapipe(tmp_path_factory.mktemp("lavapipe"))


@pytest.fixture
def fast_node(lavapipe: Lavapipe | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Node runs whole models on lavapipe, where tests can have it; else on the adapter that Chromium brings."""
    for name, value in (lavapipe.node if lavapipe else {ICD: str(SWIFTSHADER)}).items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def browser(playwright: Playwright, lavapipe: Lavapipe | None, request: pytest.FixtureRequest) -> Iterator[Browser]:
    """Chromium with WebGPU in software: on lavapipe, which is the faster one, or else on Chromium's own adapter."""
    if lavapipe is None:
        yield request.getfixturevalue("plain_browser")
    else:
        with chromium(playwright, SOFTWARE_WEBGPU, lavapipe.chromium) as launched:
            yield launched


@pytest.fixture(scope="session")
def plain_browser(playwright: Playwright) -> Iterator[Browser]:
    """Chromium with its own software adapter, as it comes."""
    with chromium(playwright, SOFTWARE_WEBGPU) as launched:
        yield launched


@pytest.fixture(scope="session")
def browser_without_webgpu(playwright: Playwright) -> Iterator[Browser]:
    """Chromium that finds no adapter."""
    with chromium(playwright, []) as launched:
        yield launched


@contextmanager
def chromium(
    playwright: Playwright, flags: list[str], environment: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Browser]:
    """Chromium with these flags and variables besides the usual ones, while the block runs."""
    # Chromium's sandbox does not start for root, which CI machines often are.
    launched = playwright.chromium.launch(
        executable_path=CHROMIUM,
        headless=True,
        args=[*QUIET_FLAGS, *flags],
        env={**os.environ, **environment},
        chromium_sandbox=False,
    )
    try:
        yield launched
    finally:
        launched.close()


@pytest.fixture
def expected_console() -> list[str]:
    """Parts of console messages that this test causes on purpose; empty unless the test fills it."""
    return []


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[[Path], str]]:
    """Serves a folder as `windowseat serve` does until the tests end, and returns its address."""
    with ExitStack() as running:
        yield lambda folder: running.enter_context(served(server.application(folder)))


@contextmanager
def served(application: ASGIApp) -> Iterator[str]:
    """Serves an application on a free port while the block runs, and gives its address."""
    listening = server.listen("127.0.0.1", 0)
    # The access log goes to stdout, which pytest prints when a test fails.
    process = uvicorn.Server(uvicorn.Config(application, log_level="info"))
    thread = threading.Thread(target=process.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        process.should_exit = True
        thread.join()
        listening.close()
