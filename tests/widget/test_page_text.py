"""What of a page goes to the model with a question: what a visitor sees of it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import assert_as_expected, watched_page

from .conftest import LISTEN, Shop

# The page says before the widget's script has come what it is to read instead; later it takes that back.
WIDGET = """
<windowseat-chat model="demo" heading="Ask us" download="ask" context="#about"></windowseat-chat>
<script>document.querySelector("windowseat-chat").readPage = () => "The page's own words.";</script>
"""


@pytest.fixture(scope="module")
def opened(browser: Browser, shop: Shop) -> Iterator[Page]:
    """A page whose chat waits with its download, so that it only shows what would go."""
    with watched_page(browser) as (page, console):
        page.add_init_script(LISTEN)
        page.goto(shop.page("page_text", WIDGET))
        page.get_by_role("button", name="Ask us").click()
        yield page
    assert_as_expected(console, [])


def included(page: Page) -> str:
    """The text that would go along now."""
    switch = page.get_by_role("button", name="Include this page")
    switch.click()
    words = page.locator(".page-shown .page-words, .page-shown:not(:empty):not(:has(*))")
    expect(words).to_have_count(1)
    text = words.text_content()
    if switch.get_attribute("aria-pressed") == "true":
        switch.click()
    assert text is not None
    return text


def included_of(page: Page, html: str) -> str:
    """The text that would go along if the page's text were this."""
    page.evaluate(
        """(html) => {
            document.querySelector("windowseat-chat").readPage = null;
            document.querySelector("#about").innerHTML = html;
        }""",
        html,
    )
    return included(page)


def test_what_a_page_set_before_the_script_came_is_kept(opened: Page) -> None:
    assert included(opened) == "The page's own words."


@pytest.mark.parametrize(
    "style",
    [
        "display: none",
        "visibility: hidden",
        "content-visibility: hidden; display: block",
        "opacity: 0",
        "font-size: 0",
        "color: transparent",
        "color: rgb(255 0 0 / 0)",
        "position: absolute; left: -9999px",
        "position: absolute; top: -9999px",
        "position: absolute; clip-path: inset(50%)",
        "position: absolute; width: 1px; height: 1px; overflow: hidden",
        "display: block; height: 0; overflow: hidden",
        "display: inline-block; transform: scale(0)",
        "display: inline-block; width: 5em; overflow: hidden; text-indent: 100%; white-space: nowrap",
    ],
)
def test_hidden_text_does_not_go(opened: Page, style: str) -> None:
    html = f'Seen. <span style="{style}"><b>Not seen.</b></span>'
    assert included_of(opened, html) == "Seen."


def test_nothing_goes_of_an_element_that_is_not_shown_itself(opened: Page) -> None:
    opened.evaluate("document.querySelector('#about').style.display = 'none'")
    html = "Text <script type='text/plain'>script</script><style>p {}</style><span hidden>inner</span>"
    assert included_of(opened, html) == "There is no text on this page to include."
    opened.evaluate("document.querySelector('#about').style.display = ''")


@pytest.mark.parametrize(
    "html",
    [
        '<span style="color: transparent; background: linear-gradient(red, blue) text">Seen.</span>',
        '<span style="display: block; height: 3em; overflow: auto"><br><br><br><br><br>Seen.</span>',
        '<span style="display: block; margin-top: 300vh">Seen.</span>',
        '<span style="opacity: 0.5">Seen.</span>',
        '<span style="visibility: hidden">Not seen.<b style="visibility: visible">Seen.</b></span>',
    ],
)
def test_what_shows_or_would_after_scrolling_goes(opened: Page, html: str) -> None:
    assert included_of(opened, html) == "Seen."


def test_lines_stay_lines_and_rows_stay_rows(opened: Page) -> None:
    html = """<span style="display: block">Lamps
        <b>and</b>  <i>bulbs</i>:<br>two kinds</span>
        <table><tr><td>Red</td> <td>17 coins</td></tr> <tr><td>Blue</td><td>25 coins</td></tr></table>
        <pre>a
  b</pre>Bye"""
    assert included_of(opened, html) == "Lamps and bulbs:\ntwo kinds\nRed\t17 coins\nBlue\t25 coins\na\n  b\nBye"
