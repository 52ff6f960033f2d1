"""A page of one origin that shows the widget of a site of another one."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from windowseat.site_builder.site import Options, build_site

from tests.page.conftest import PATIENCE_MS, assert_as_expected, watched_page

MODELS = Path(__file__).parents[2] / "dist/models"

expect.set_options(timeout=PATIENCE_MS)

HOST = """<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>A lamp shop</title>
    <link rel="icon" href="data:,">
    {head}
    <script type="module" src="{site}widget.js" {script}></script>
  </head>
  <body>
    <main>
      <h1>Lamps</h1>
      <p id="about">The red lamp costs 17 coins.</p>
      {widget}
      <p><button id="before">Basket</button></p>
    </main>
  </body>
</html>
"""

# What a host page hears, and what its worker is told: the widget runs in the page, so the page can listen.
LISTEN = """
window.heard = [];
for (const name of ["open", "close", "progress", "ready", "message", "error"]) {
  document.addEventListener(`windowseat-${name}`, ({ detail }) => window.heard.push([name, detail]));
}
window.told = [];
const send = Worker.prototype.postMessage;
Worker.prototype.postMessage = function (message, ...rest) {
  if (message?.kind === "generate") window.told.push(message.messages);
  return send.call(this, message, ...rest);
};
"""


@dataclass(frozen=True, slots=True)
class Shop:
    """A host's pages, and the site whose widget they show."""

    folder: Path
    url: str
    site: str

    def page(self, name: str, widget: str, policy: str = "", script: str = "") -> str:
        """The address of a page with this in it, under this policy and with these attributes of the widget's script."""
        head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">' if policy else ""
        html = HOST.format(head=head, site=self.site, widget=widget, script=script)
        (self.folder / f"{name}.html").write_text(html, "utf-8")
        return f"{self.url}{name}.html"


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, serve: Callable[[Path], str]) -> Shop:
    """A host, and a site on another port that allows it to frame the site's chat."""
    hosts = tmp_path_factory.mktemp("hosts")
    url = serve(hosts)
    options = Options(models=("demo",), allow_origins=(url.rstrip("/"),))
    folder = tmp_path_factory.mktemp("widget_site") / "site"
    return Shop(hosts, url, serve(build_site(MODELS, folder, lambda _: None, options=options)))


@pytest.fixture
def open_page(browser: Browser, expected_console: list[str]) -> Iterator[Callable[[str], Page]]:
    """Opens an address in a context of its own, whose console must stay as expected."""
    with watched_page(browser) as (page, console):

        def open_it(url: str) -> Page:
            page.add_init_script(LISTEN)
            page.goto(url)
            page.wait_for_selector("windowseat-chat:defined", state="attached")
            return page

        yield open_it
    assert_as_expected(console, expected_console)


@contextmanager
def emptied(page: Page, console: list[str]) -> Iterator[Page]:
    """The page with its first chat open and empty, nothing heard yet; its console must stay empty."""
    console.clear()
    page.evaluate("{ const chat = document.querySelector('windowseat-chat'); chat.open(); chat.reset(); }")
    page.evaluate("window.heard.length = 0; window.told.length = 0")
    yield page
    assert_as_expected(console, [])


def use_sheet(page: Page, css: str) -> None:
    """Gives the host page one style sheet of its own, or takes it away again."""
    page.evaluate(
        "(css) => { const made = new CSSStyleSheet(); made.replaceSync(css); document.adoptedStyleSheets = [made]; }",
        css,
    )


def wait_for(page: Page, name: str, count: int = 1) -> None:
    """Waits until so many events with this name were heard; Playwright's own way is against strict policies."""
    page.evaluate(
        """([name, count, patience]) => new Promise((resolve, reject) => {
            const end = Date.now() + patience;
            const look = () => {
                if (window.heard.filter(([heard]) => heard === name).length >= count) resolve();
                else if (Date.now() < end) setTimeout(look, 20);
                else reject(new Error(`no ${count} events ${name}, but ${JSON.stringify(window.heard)}`));
            };
            look();
        })""",
        [name, count, PATIENCE_MS],
    )


def heard(page: Page, name: str) -> list[Any]:
    """The details of the events with this name, so far."""
    events: list[tuple[str, Any]] = page.evaluate("window.heard")
    return [detail for kind, detail in events if kind == name]


def ask(page: Page, question: str) -> str:
    """What the first chat of a page answers."""
    answer: str = page.evaluate(f"document.querySelector('windowseat-chat').ask({json.dumps(question)})")
    return answer
