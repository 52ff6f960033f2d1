"""Markdown that streams in: what it looks like, that it does not jump, and that it can do no harm."""

import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from windowseat.site_builder import headers

from tests.page.conftest import assert_as_expected, watched_page
from tests.page.hostile import OUTSIDE, cut, payloads

SCRIPTS = Path(__file__).parents[2] / "web/build/page_tests"
STATIC = Path(__file__).parents[2] / "site_builder/static"
HTML = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Markdown</title><link rel="icon" href="data:,">
<meta http-equiv="Content-Security-Policy" content="{policy}"><link rel="stylesheet" href="markdown.css">
<script type="module" src="markdown_page.js"></script></html>"""

DOCUMENT = (Path(__file__).parent / "document.md").read_text("utf-8")


@pytest.fixture(scope="module")
def opened(
    node: str, browser: Browser, serve: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Page]:
    """A page that shows Markdown under the site's own policy."""
    folder = tmp_path_factory.mktemp("markdown")
    shutil.copytree(SCRIPTS, folder, dirs_exist_ok=True)
    shutil.copyfile(STATIC / "markdown.css", folder / "markdown.css")
    (folder / "index.html").write_text(HTML.format(policy=headers.policy()), "utf-8")
    with watched_page(browser) as (page, console):
        page.goto(serve(folder))
        page.wait_for_function("window.stream !== undefined")
        yield page
    assert_as_expected(console, [])


@pytest.fixture
def page(opened: Page) -> Page:
    """The same page, empty again."""
    opened.evaluate("document.body.replaceChildren()")
    return opened


STREAM = "async (texts) => (await stream(texts)).map(root => root.innerHTML)"


def test_a_text_looks_the_same_whether_it_streams_or_comes_whole(page: Page) -> None:
    cuts = [cut(DOCUMENT, random.Random(seed)) for seed in range(3)]
    whole, *streamed = page.evaluate(STREAM, [[DOCUMENT], *cuts])
    assert [part for part in ("<table", "<math", "hljs-keyword", "<sub>2</sub>") if part not in whole] == []
    assert streamed == [whole] * len(cuts)


def test_what_is_finished_is_never_touched_again(page: Page) -> None:
    changed = page.evaluate(
        """async ([start, rest]) => {
            const { view, root } = open();
            view.append(start);
            await new Promise(requestAnimationFrame);
            const finished = [...root.children].slice(0, -1);
            let changed = 0;
            const watch = new MutationObserver((records) => { changed += records.length; });
            for (const element of finished) watch.observe(element, { subtree: true, childList: true });
            for (const piece of rest) {
                view.append(piece);
                await new Promise(requestAnimationFrame);
            }
            return changed + finished.filter((element, i) => root.children[i] !== element).length;
        }""",
        ["# A\n\nB **c**\n\n> d\n\nAnd", cut(DOCUMENT, random.Random(0))],
    )
    assert changed == 0


@pytest.mark.parametrize(
    ("text", "never"),
    [
        ("This is **bold and** more", ["*"]),
        ("See [the page](https://example.org) now", ["[", "]", "("]),
        ("Run `ls -l` here", ["`"]),
        ("Text\n\n- one\n- two", ["-"]),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n", ["|", "-"]),
        ("Code:\n\n```python\nx = 1\n```\n\nEnd", ["`"]),
        ("Title\n\n## Next\n\nText", ["#"]),
        ("H<sub>2</sub>O", ["<"]),
    ],
)
def test_half_a_piece_of_markup_is_never_seen(page: Page, text: str, never: list[str]) -> None:
    seen = page.evaluate("pieces => frames(pieces)", list(text))
    assert not [frame for frame in seen for mark in never if mark in frame]


def test_nothing_moves_while_text_streams(page: Page) -> None:
    moved = page.evaluate(
        """async (pieces) => {
            await stream([["$x$\\n\\n```c\\n"]]); // the scripts for formulas and colours are here from now on
            document.body.replaceChildren();
            let moved = 0;
            const count = (entries) => entries.forEach((entry) => { moved += entry.value; });
            const watch = new PerformanceObserver((list) => count(list.getEntries()));
            watch.observe({ type: "layout-shift", buffered: false });
            await stream([pieces]);
            count(watch.takeRecords());
            return moved;
        }""",
        cut(DOCUMENT, random.Random(1)),
    )
    assert moved < 0.001  # a word may be shaped anew as it gets longer


def test_a_formula_keeps_every_digit_in_a_narrow_column(page: Page) -> None:
    rows = r"\begin{matrix}1000000&2000000&3000000\\1&2&3\end{matrix}"
    wide, narrow, column, formulas = page.evaluate(
        """async (pieces) => {
            const [root] = await stream([pieces]);
            const widths = (tag) => [...root.querySelectorAll(tag)].map((found) => found.getBoundingClientRect().width);
            const wide = widths("mtd");
            document.body.style.width = "12rem";
            const seen = [wide, widths("mtd"), root.clientWidth, widths(".math")];
            document.body.style.width = "";
            return seen;
        }""",
        [f"Here: ${rows}$\n\n$${rows}$$"],
    )
    assert narrow == wide
    assert max(formulas) <= column


def test_a_formula_with_rows_leaves_the_lines_around_it_alone(page: Page) -> None:
    text = r"One $\begin{pmatrix}1\\2\\3\\4\end{pmatrix}$ two $\displaystyle\sum_{i=0}^{n} i$ three"
    above, below, lines = page.evaluate(
        """async (text) => {
            const [root] = await stream([[text]]);
            const box = root.querySelector("p").getBoundingClientRect();
            const formulas = [...root.querySelectorAll("math")].map((math) => math.getBoundingClientRect());
            return [
                Math.min(...formulas.map(({ top }) => top)) - box.top,
                box.bottom - Math.max(...formulas.map(({ bottom }) => bottom)),
                formulas.length,
            ];
        }""",
        text,
    )
    assert lines == 2
    assert above >= -0.5
    assert below >= -0.5


def test_code_is_copied_as_it_was_written(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("stream([['```python\\nif a < b:\\n\\tprint(\"&amp;\")\\n```']])")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == 'if a < b:\n\tprint("&amp;")'


def test_hostile_text_runs_nothing_and_loads_nothing(page: Page) -> None:
    texts = list(payloads())
    assert len(set(texts)) >= 200
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    page.evaluate("window.ran = []; window.canary = () => ran.push(new Error().stack); 0")
    draw = random.Random(7)
    found = page.evaluate(
        """async (texts) => {
            const roots = await stream(texts);
            const elements = roots.flatMap((root) => [...root.querySelectorAll("*")]);
            for (const element of elements) {
                for (const type of ["mouseover", "focus", "load", "error", "toggle", "animationstart"]) {
                    element.dispatchEvent(new Event(type, { bubbles: true }));
                }
            }
            const attributes = elements.flatMap((element) => [...element.attributes]);
            return {
                tags: [...new Set(elements.map(({ namespaceURI, localName }) =>
                    namespaceURI.endsWith("MathML") ? "(math)" : localName))].sort(),
                handlers: attributes.filter(({ name }) => name.startsWith("on")).map(({ name }) => name),
                schemes: [...new Set(attributes.filter(({ name }) => /^(href|src|action)/.test(name))
                    .map(({ value }) => new URL(value, "relative:").protocol))].sort(),
                ran,
            };
        }""",
        [cut(text, draw) for text in texts],
    )
    assert found["ran"] == []
    assert [url for url in asked if OUTSIDE in url] == []
    assert found["handlers"] == []
    assert found["schemes"] == ["http:", "https:"] or found["schemes"] == ["http:"]
    assert not set(found["tags"]) & {
        "script",
        "img",
        "iframe",
        "object",
        "embed",
        "link",
        "style",
        "svg",
        "form",
        "base",
    }


def test_a_link_tells_its_address_and_opens_beside_the_page(page: Page) -> None:
    page.evaluate("stream([['[x](https://example.org/a) ![p](https://example.org/p.png)']])")
    link = page.get_by_role("link", name="x")
    expect(link).to_have_attribute("href", "https://example.org/a")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(link).to_have_attribute("title", "https://example.org/a")
    expect(page.get_by_role("link", name="Picture: p")).to_have_attribute("href", "https://example.org/p.png")
