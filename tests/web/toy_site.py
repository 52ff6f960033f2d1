"""A folder with the scripts and the toy bundle, and pages in Chromium that run them."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page
from windowseat.site_builder.assets import read_scripts

WEB = Path(__file__).parents[2] / "web"
PROMPT = [1, 2, 3, 200, 17, 5, 99, 4, 42, 250]
EXPECTED = 12


@dataclass(frozen=True)
class ToySite:
    """Where it lies, and the greedy ids after PROMPT."""

    folder: Path
    ids: list[int]


def write_toy_site(node: str, folder: Path) -> ToySite:
    """Writes the scripts and the toy bundle into a folder."""
    script = str(WEB / "build/tests/toy_folder.mjs")
    command = [node, script, str(folder / "toy"), json.dumps(PROMPT), str(EXPECTED)]
    ids = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    copy_scripts("verify.js", "engine_worker.js", folder=folder)
    head = '<!doctype html><link rel="icon" href="data:,">'
    (folder / "index.html").write_text(f'{head}<script type="module" src="verify.js"></script>')
    return ToySite(folder, ids)


def copy_scripts(*names: str, folder: Path) -> None:
    """Copies the site's scripts, which find each other by their files, and these under their own names for the tests' pages."""
    for script in read_scripts(WEB / "build/site"):
        shutil.copyfile(WEB / "build/site" / script.file, folder / script.file)
        if script.name in names:
            shutil.copyfile(WEB / "build/site" / script.file, folder / script.name)


@contextmanager
def pages(browser: Browser, address: str, expected: tuple[str, ...] = ()) -> Iterator[Callable[[], Page]]:
    """Makes pages with the verify script, as tabs of one profile; consoles must say nothing but what is expected."""
    said: list[str] = []
    with browser.new_context() as context:

        def new_page() -> Page:
            page = context.new_page()
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            page.goto(address)
            page.wait_for_function("window.windowseat !== undefined")
            return page

        yield new_page
    assert [text for text in said if not any(part in text for part in expected)] == []
