"""The chat in a frame: for hosts whose policy lets nothing else in, and only for those that the site allows."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.page.conftest import assert_as_expected, at_a_walking_pace, serious, watched_page

from .conftest import LISTEN, Shop, ask, emptied, heard, use_sheet, wait_for

WIDGET = """
<windowseat-chat frame model="demo" heading="Ask us" greeting="Hello" system="Be brief." context="#about"
                 suggestions="What is 17 + 25?"></windowseat-chat>
"""

# What an isolated page asks of the pages in its frames, and most hosts would say of none.
ISOLATED = {"Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Resource-Policy": "cross-origin"}


@pytest.fixture(scope="module")
def opened(browser: Browser, shop: Shop) -> Iterator[tuple[Page, list[str]]]:
    """A page that lets in one script and one frame, with the chat open and its model loaded."""
    site = shop.site.rstrip("/")
    policy = f"default-src 'none'; script-src {site}; frame-src {site}; img-src data:"
    with watched_page(browser) as (page, console):
        page.add_init_script(LISTEN)
        with at_a_walking_pace(page):
            page.goto(shop.page("framed", WIDGET, policy))
            page.get_by_role("button", name="Ask us").click()
            wait_for(page, "ready")
        yield page, console


@pytest.fixture
def page(opened: tuple[Page, list[str]]) -> Iterator[Page]:
    """The page with its chat open and empty."""
    with emptied(*opened) as page:
        yield page


@pytest.fixture
def open_frame(browser: Browser, expected_console: list[str]) -> Iterator[Callable[[str], Page]]:
    """Opens an address in a context of its own, whose console must stay as expected."""
    with watched_page(browser) as (page, console):

        def open_it(url: str) -> Page:
            page.goto(url)
            return page

        yield open_it
    assert_as_expected(console, expected_console)


def inside(page: Page) -> FrameLocator:
    """What is in the frame."""
    return page.frame_locator("windowseat-chat iframe")


def test_a_question_is_asked_from_the_keyboard_and_told_to_the_page(page: Page) -> None:
    box = inside(page).get_by_role("textbox", name="Message")
    expect(box).to_be_focused()
    page.keyboard.type("What is 17 + 25?")
    page.keyboard.press("Enter")
    expect(inside(page).get_by_role("article")).to_have_text("17 + 25 = 42")
    wait_for(page, "message", 2)
    assert heard(page, "message")[1] == {"role": "assistant", "text": "17 + 25 = 42"}
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Ask us")).to_be_focused()


def test_the_page_can_ask_and_hears_why_there_is_no_answer(page: Page) -> None:
    assert ask(page, "What is 17 + 25?") == "17 + 25 = 42"
    codes = page.evaluate(
        """async () => {
            const chat = document.querySelector("windowseat-chat");
            const first = chat.ask("Count to 20.").catch(({ code }) => code);
            const second = await chat.ask("Hello").catch(({ code }) => code);
            chat.reset();
            return [await first, second];
        }"""
    )
    assert codes == ["stopped", "busy"]


def test_the_page_goes_along_when_the_visitor_says_so(page: Page) -> None:
    inside(page).get_by_role("button", name="Include this page").click()
    inside(page).get_by_text("characters of the page go along").click()
    expect(inside(page).get_by_text("The red lamp costs 17 coins.")).to_be_visible()
    inside(page).get_by_role("button", name="Include this page").click()


def test_colours_and_words_follow_the_page_and_nothing_else_gets_in(page: Page) -> None:
    use_sheet(page, "windowseat-chat { --windowseat-paper: rgb(1, 2, 3); --windowseat-ink: url(https://evil.test/) }")
    page.evaluate("document.querySelector('windowseat-chat').lang = 'de'")
    expect(inside(page).get_by_role("textbox", name="Nachricht")).to_be_visible()
    panel = inside(page).locator(".panel")
    assert panel.evaluate("(panel) => getComputedStyle(panel).backgroundColor") == "rgb(1, 2, 3)"
    chat = inside(page).locator("windowseat-chat")
    assert chat.evaluate("(chat) => chat.style.getPropertyValue('--windowseat-ink')") == ""
    use_sheet(page, "")
    page.evaluate("document.querySelector('windowseat-chat').removeAttribute('lang')")
    expect(inside(page).get_by_role("textbox", name="Message")).to_be_visible()


def test_messages_that_are_none_do_nothing(page: Page, shop: Shop) -> None:
    page.evaluate(
        """(site) => {
            const frame = document.querySelector("windowseat-chat").shadowRoot.querySelector("iframe").contentWindow;
            for (const message of [null, 7, "open", { kind: "reset" }, { windowseat: 2, kind: "ask", id: 1, text: "x" },
                { windowseat: 1, kind: "ask", id: "1", text: "x" }, { windowseat: 1, kind: "ask", id: 1, text: {} },
                { windowseat: 1, kind: "eval", text: "x" }, { windowseat: 1, kind: "hello", settings: {} }])
                frame.postMessage(message, site);
            // What does not come from the frame is no message of the frame.
            window.postMessage({ windowseat: 1, kind: "close" }, "*");
            window.postMessage({ windowseat: 1, kind: "message", role: "assistant", text: "forged" }, "*");
        }""",
        shop.site,
    )
    assert ask(page, "What is 17 + 25?") == "17 + 25 = 42"
    assert [detail["text"] for detail in heard(page, "message")] == ["What is 17 + 25?", "17 + 25 = 42"]
    expect(inside(page).get_by_role("article")).to_have_count(1)


def test_long_texts_and_many_suggestions_are_cut_and_a_long_question_refused(page: Page) -> None:
    page.evaluate(
        """() => {
            const chat = document.querySelector("windowseat-chat");
            chat.readPage = () => "lamp ".repeat(10_000);
            chat.replaceChildren(...Array.from({ length: 30 }, (_, i) => new Option(`Ask ${i}`)));
            chat.refresh();
        }"""
    )
    expect(inside(page).get_by_role("button", name="Ask 0", exact=True)).to_be_visible()
    expect(inside(page).get_by_role("button", name="Ask 19", exact=True)).to_be_visible()
    expect(inside(page).get_by_role("button", name="Ask 20", exact=True)).to_have_count(0)
    inside(page).get_by_role("button", name="Include this page").click()
    expect(inside(page).get_by_text("characters of the page go along")).to_be_visible()
    inside(page).get_by_role("button", name="Include this page").click()
    code = page.evaluate("document.querySelector('windowseat-chat').ask('x'.repeat(200_000)).catch(({ code }) => code)")
    assert code == "context_length_exceeded"
    page.evaluate(
        "{ const chat = document.querySelector('windowseat-chat'); chat.readPage = null; chat.replaceChildren();"
        " chat.refresh(); }"
    )
    expect(inside(page).get_by_role("button", name="Ask 0", exact=True)).to_have_count(0)


def test_axe_finds_nothing_serious_in_a_frame(page: Page) -> None:
    ask(page, "What is 17 + 25?")
    for theme in ("light", "dark"):
        page.evaluate("(theme) => document.querySelector('windowseat-chat').setAttribute('theme', theme)", theme)
        assert serious(page) == []
        assert serious(page.frames[1]) == []


def test_a_moved_frame_comes_anew_and_one_taken_off_hangs_nobody(page: Page) -> None:
    codes = page.evaluate(
        """async () => {
            const chat = document.querySelector("windowseat-chat");
            const moved = chat.ask("Count to 20.").catch(({ code }) => code);
            await new Promise((resolve) => setTimeout(resolve, 50));
            document.querySelector("main").prepend(chat);
            const other = document.createElement("windowseat-chat");
            other.setAttribute("frame", "");
            document.body.append(other);
            const left = other.ask("Hello").catch(({ code }) => code);
            other.remove();
            return [await moved, await left];
        }"""
    )
    assert codes == ["stopped", "unavailable"]
    assert ask(page, "What is 17 + 25?") == "17 + 25 = 42"
    expect(inside(page).get_by_role("region", name="Ask us")).to_be_visible()  # the settings came along


def test_a_frame_without_any_script_is_told_by_its_address(open_frame: Callable[[str], Page], shop: Shop) -> None:
    address = f"{shop.site}embed.html?model=demo&heading=Ask+us&greeting=Hi+%3Cb%3Ethere%3C/b%3E"
    page = open_frame(shop.page("addressed", f'<iframe title="Chat" src="{address}"></iframe>', "frame-src *"))
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("Hi <b>there</b>")).to_be_visible()
    frame.get_by_role("button", name="Start the chat").click()
    expect(frame.get_by_role("progressbar")).to_be_visible()


def test_a_policy_without_the_frame_is_told_so_at_once(
    open_frame: Callable[[str], Page], shop: Shop, expected_console: list[str]
) -> None:
    expected_console.append("Content Security Policy")
    policy = f"default-src 'none'; script-src {shop.site}; img-src data:"
    page = open_frame(shop.page("no_frames", WIDGET, policy))
    message = page.evaluate("document.querySelector('windowseat-chat').ask('Hello').catch(({ message }) => message)")
    assert message.endswith(f"allow {shop.site.rstrip('/')} in frame-src.")


def test_a_site_shows_its_chat_to_no_one_whom_it_does_not_know(
    open_frame: Callable[[str], Page], shop: Shop, expected_console: list[str]
) -> None:
    expected_console.append("frame-ancestors")
    stranger = shop.page("stranger", f'<iframe title="Chat" src="{shop.site}embed.html"></iframe>')
    page = open_frame(stranger.replace("127.0.0.1", "localhost"))
    expect(page.frame_locator("iframe").locator("windowseat-chat")).to_have_count(0)


def test_a_host_without_headers_is_no_way_around_the_list(open_frame: Callable[[str], Page], shop: Shop) -> None:
    page = open_frame(shop.page("unknown", "").replace("127.0.0.1", "localhost"))
    page.route(
        f"{shop.site}embed.html",
        lambda route: route.fulfill(response=route.fetch(), headers=ISOLATED | {"content-type": "text/html"}),
    )
    page.evaluate(
        """(address) => { const frame = document.createElement("iframe"); frame.src = address;
            document.body.append(frame); }""",
        f"{shop.site}embed.html",
    )
    expect(page.frame_locator("iframe").get_by_text("only inside of pages that it knows")).to_be_visible()
    expect(page.frame_locator("iframe").locator("windowseat-chat")).to_be_hidden()
