"""The runtimes that a bundle is checked in: Node on Dawn, and headless Chromium. Both answer the same commands."""

import base64
import json
import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import uvicorn
from numpy.typing import NDArray

from ..compile.errors import UserError
from . import server
from .node import find_node

F32 = NDArray[np.float32]

QUIET_FLAGS = (
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Two pages of the browser's own behind each window, for an address bar that nobody sees: 0.6 s of work.
    # Playwright's own list gives way to this one.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup",
)
CHROMIUM_FLAGS = (
    "--enable-unsafe-webgpu",
    "--enable-webgpu-developer-features",  # adapters say what they are, and timestamps are exact
    *QUIET_FLAGS,
)
SOFTWARE_FLAGS = (
    "--use-webgpu-adapter=swiftshader",
    # It writes out the zeros of workgroup memory one by one: half of all the time that it compiles.
    "--disable-dawn-features=use_vulkan_zero_initialize_workgroup_memory_extension",
)
THROWN = re.compile(r"\w*Error\b.*: ")
NO_ADAPTER = 3  # the Node driver's exit code
ICD = "VK_ICD_FILENAMES"
SWIFTSHADER = Path("/usr/lib/chromium/vk_swiftshader_icd.json")  # comes with Debian's chromium


class Unsupported(Exception):
    """The adapter at hand cannot run the variant; the text says why."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What runs, and what the adapter calls itself."""

    variant: str
    adapter: str
    ms: float  # that the load took


class Runtime(Protocol):
    """Something that runs bundles."""

    name: str
    version: str

    def load(self, variant: str | None, context: int) -> Loaded:
        """Loads a variant of the bundle, or the one that the runtime would choose; raises Unsupported."""

    def logits(self, prefill: list[int], forced: list[int]) -> F32:
        """The logits after the prefill and after each forced token: [1 + len(forced), V]."""

    def greedy(self, prompt: list[int], count: int) -> list[int]:
        """The likeliest tokens after a prompt."""

    def ask(self, kind: str, **arguments: Any) -> dict[str, Any]:
        """Any command of commands.ts that answers with an object; arguments in the order that they have there."""


def _rows(rows: list[str]) -> F32:
    return np.stack([np.frombuffer(base64.b64decode(row), "<f4") for row in rows])


class NodeRuntime:
    """web/build/node_driver.mjs: JSON lines in, JSON lines out."""

    name = "node"

    def __init__(self, bundle: Path, driver: Path, environment: dict[str, str]) -> None:
        self._bundle, self._driver, self._environment = bundle, driver, environment
        self._process: subprocess.Popen[str] | None = None
        version = [find_node(), "--version"]
        self.version = subprocess.run(version, check=True, capture_output=True, text=True).stdout.strip()

    def start(self) -> None:
        """A new process, with nothing loaded."""
        self.close()
        self._process = subprocess.Popen(
            [find_node(), str(self._driver)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | self._environment,
        )

    def load(self, variant: str | None, context: int) -> Loaded:
        self.start()
        command = {"kind": "load", "bundle": str(self._bundle.resolve()), "variant": variant, "context": context}
        model = self._send(command)["model"]
        return Loaded(model["variant"], model["adapter"], model["loadMs"])

    def logits(self, prefill: list[int], forced: list[int]) -> F32:
        return _rows(self._send({"kind": "logits", "prefill": prefill, "forced": forced})["rows"])

    def greedy(self, prompt: list[int], count: int) -> list[int]:
        return list(self._send({"kind": "greedy", "prompt": prompt, "count": count})["ids"])

    def ask(self, kind: str, **arguments: Any) -> dict[str, Any]:
        return self._send({"kind": kind, **arguments})

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _send(self, command: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None or process.stderr is None:
            raise RuntimeError("Node is not running")
        process.stdin.write(json.dumps(command) + "\n")
        process.stdin.flush()
        while line := process.stdout.readline():
            answer: dict[str, Any] = json.loads(line)
            if answer["kind"] == "failed":
                break
            if answer["kind"] != "loading":
                return answer
        said = process.stderr.read().strip().splitlines()
        # Node's own words about an error that nobody caught end with its version.
        thrown = [line for line in said if THROWN.match(line)]
        message = (thrown or said or ["it ended without a word"])[-1]
        if process.wait() == NO_ADAPTER:
            raise Unsupported(message)
        raise UserError(f"Node could not run the bundle: {message}")


class ChromiumRuntime:
    """A headless Chromium with the site's verify.html; made by `chromium`."""

    name = "chromium"

    def __init__(self, page: Any, bundle_url: str, version: str) -> None:
        self._page, self._bundle_url, self.version = page, bundle_url, version

    def load(self, variant: str | None, context: int) -> Loaded:
        model = self.ask("load", bundle=self._bundle_url, options={"variant": variant, "context": context})
        return Loaded(model["variant"], model["adapter"], model["loadMs"])

    def logits(self, prefill: list[int], forced: list[int]) -> F32:
        return _rows(
            self._page.evaluate("([prefill, forced]) => windowseat.logits(prefill, forced)", [prefill, forced])
        )

    def greedy(self, prompt: list[int], count: int) -> list[int]:
        return list(self._page.evaluate("([prompt, count]) => windowseat.greedy(prompt, count)", [prompt, count]))

    def ask(self, kind: str, **arguments: Any) -> dict[str, Any]:
        script = """async ([kind, ...values]) => {
            try { return { value: await windowseat[kind](...values) }; }
            catch (error) { return { failure: windowseat.failure(error) }; }
        }"""
        answer = self._page.evaluate(script, [kind, *arguments.values()])
        if failure := answer.get("failure"):
            if failure["code"] in ("no_webgpu", "no_adapter", "adapter_too_small"):
                raise Unsupported(failure["message"])
            raise UserError(f"Chromium could not run the bundle: {failure['message']}")
        return dict(answer["value"])


@contextmanager
def node(bundle: Path, driver: Path) -> Iterator[Runtime]:
    """Node on the machine's adapter, or on Chromium's software adapter where there is none."""
    if not driver.is_file():
        raise UserError(f"{driver} is missing; build the TypeScript first: make build")
    runtime = NodeRuntime(bundle, driver, {})
    try:
        try:
            runtime.start()
            runtime.ask("adapter")
        except Unsupported:
            if not SWIFTSHADER.is_file():
                raise
            runtime.close()
            runtime = NodeRuntime(bundle, driver, {ICD: str(SWIFTSHADER)})
            runtime.start()
        yield runtime
    finally:
        runtime.close()


@contextmanager
def chromium(site: Path, bundle_name: str) -> Iterator[Runtime]:
    """Chromium on the machine's adapter, or on its own software adapter where there is none."""
    from playwright.sync_api import sync_playwright

    with serving(site) as url, sync_playwright() as playwright:

        def launch(flags: list[str]) -> Any:
            return playwright.chromium.launch(executable_path=find_chromium(), headless=True, args=flags)

        with open_page(launch, url) as page:
            yield ChromiumRuntime(page, f"{url}models/{bundle_name}/", page.context.browser.version)


@contextmanager
def open_page(launch: Callable[[list[str]], Any], url: str) -> Iterator[Any]:
    """verify.html of the site at this address, in the browser that `launch` starts with these flags: on the machine's
    GPU, or, where there is none, on Chromium's software adapter."""
    for more in ((), SOFTWARE_FLAGS):
        browser = launch([*CHROMIUM_FLAGS, *more])
        try:
            page = browser.new_page()
            page.set_default_timeout(0)
            page.goto(f"{url}verify.html")
            page.wait_for_function("window.windowseat !== undefined")
            if more or page.evaluate("() => windowseat.adapter().then(({ software }) => !software, () => false)"):
                yield page
                return
        finally:
            browser.close()


def find_chromium() -> str | None:
    """The machine's Chromium or Chrome; None leaves it to Playwright."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@contextmanager
def serving(site: Path) -> Iterator[str]:
    """Serves a site on a free loopback port while the block runs; gives its address."""
    with server.listen("127.0.0.1", 0) as listening:
        running = uvicorn.Server(uvicorn.Config(server.application(site), log_level="warning"))
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not running.started:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            running.should_exit = True
            thread.join()
