"""What some commands need beyond a build, found out before anything is built: packages, Node, a browser."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from ..compile.errors import UserError
from .checkout import install_line
from .node import find_node
from .runtimes import find_chromium


def check_needs(command: str, packages: Iterable[str], runtimes: Iterable[str]) -> None:
    """UserError names what this machine lacks to run a command in these runtimes."""
    driver = ["playwright"] if "chromium" in runtimes else []
    if missing := [name for name in (*driver, *packages) if find_spec(name) is None]:
        raise UserError(f"{command} needs {missing[0]}; install it with: {install_line('verify')}")
    if "node" in runtimes:
        find_node()
    if "chromium" in runtimes and find_chromium() is None and not _playwright_has_one():
        raise UserError(
            f"{command} needs a Chromium or Chrome and finds none; install one, as with: playwright install chromium,"
            " or choose node as the only runtime"
        )


def _playwright_has_one() -> bool:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).is_file()
