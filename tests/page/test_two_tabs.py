"""One chat in two tabs: nothing that is asked or written in either is lost, and none says what is not so."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.page.conftest import PATIENCE_MS, assert_as_expected, at_a_walking_pace, watch, watched_page

Tabs = tuple[Page, Page]
WRITTEN_ELSEWHERE = "This answer is being written in another tab."


@pytest.fixture(scope="module")
def pair(browser: Browser, site_url: str) -> Iterator[tuple[Page, Page, list[str]]]:
    """Two tabs with the model, of which the first answers slowly, and what their consoles say."""
    with watched_page(browser) as (first, console):
        second = first.context.new_page()
        second.set_default_timeout(PATIENCE_MS)
        watch(second, console)
        with at_a_walking_pace(first, 200):
            for tab in (first, second):
                tab.goto(site_url)
                ready(tab)
        yield first, second, console
        second.goto("about:blank")


@pytest.fixture
def tabs(pair: tuple[Page, Page, list[str]], site_url: str) -> Iterator[Tabs]:
    """The tabs on the same chat, which has a question and its answer."""
    first, second, console = pair
    console.clear()
    first.get_by_role("button", name="New chat").click()
    ask(first, "Say hello in Japanese.")
    ready(first)
    second.evaluate("(hash) => { location.hash = hash; }", first.url.partition("#")[2])
    expect(second.locator(".question")).to_have_text("Say hello in Japanese.")
    yield first, second
    assert_as_expected(console, [])


def ready(tab: Page) -> None:
    expect(tab.locator("body")).to_have_attribute("data-state", "ready")


def box(tab: Page) -> Locator:
    return tab.get_by_role("textbox", name="Message")


def ask(tab: Page, question: str) -> None:
    box(tab).fill(question)
    box(tab).press("Enter")


def test_an_answer_of_another_tab_is_shown_as_it_comes_and_disturbs_nothing(tabs: Tabs) -> None:
    first, second = tabs
    ask(first, "Count to 20.")
    second.get_by_role("button", name="Edit").first.click()
    editor = second.get_by_role("textbox", name="You")
    editor.fill("half a question")
    expect(second.get_by_text(WRITTEN_ELSEWHERE)).to_be_visible()
    expect(second.get_by_role("button", name="Go on with this answer")).to_have_count(0)
    ask(second, "What is 17 + 25?")
    expect(second.locator("#notice")).to_contain_text("Another tab is writing in this chat.")
    expect(box(second)).to_have_value("What is 17 + 25?")
    expect(second.get_by_test_id("reply").last).to_contain_text("1 2")
    first.get_by_role("button", name="Stop").click()
    expect(second.get_by_text("Stopped.")).to_be_visible()
    expect(second.get_by_role("button", name="Go on with this answer")).to_be_enabled()
    expect(editor).to_have_value("half a question")
    box(second).press("Enter")
    expect(first.locator(".question")).to_have_count(3)
    expect(first.get_by_test_id("reply").last).to_have_text("17 + 25 = 42")


def test_of_two_questions_at_once_none_is_lost(tabs: Tabs) -> None:
    at = tabs[0].evaluate("Date.now() + 500")
    questions = ("Count to 3.", "Count to 7.")
    for tab, question in zip(tabs, questions, strict=True):
        box(tab).fill(question)
        tab.evaluate(
            "(at) => { setTimeout(() => document.querySelector('#composer').requestSubmit(), at - Date.now()); }", at
        )
    tabs[0].wait_for_timeout(1000)
    for tab in tabs:
        ready(tab)
    left = [box(tab).input_value() for tab in tabs]
    kept = [question for question in questions if question not in left]
    assert len(kept) == 1
    tabs[1].reload()  # the first one would come back with an engine that is not slow
    for tab in tabs:
        expect(tab.locator(".question")).to_have_text(["Say hello in Japanese.", *kept])


def test_settings_that_another_tab_changes_meanwhile_are_kept(tabs: Tabs) -> None:
    first, second = tabs
    ask(first, "Count to 7.")
    expect(second.get_by_text(WRITTEN_ELSEWHERE)).to_be_visible()
    second.get_by_role("button", name="Settings of this chat").click()
    second.get_by_role("spinbutton", name="Longest answer").fill("30")
    second.keyboard.press("Escape")
    ready(first)
    second.reload()
    for tab in tabs:
        expect(tab.get_by_test_id("reply").last).to_have_text("1 2 3 4 5 6 7")
        tab.get_by_role("button", name="Settings of this chat").click()
        expect(tab.get_by_role("spinbutton", name="Longest answer")).to_have_value("30")
        tab.keyboard.press("Escape")


def test_a_chat_that_another_tab_deletes_is_left(tabs: Tabs) -> None:
    first, second = tabs
    ask(first, "Count to 20.")
    expect(second.get_by_text(WRITTEN_ELSEWHERE)).to_be_visible()
    if second.locator("html").get_attribute("data-side") != "open":
        second.get_by_role("button", name="List of chats").click()
    listed = second.locator("#conversations .chat")
    before = listed.count()
    listed.first.hover()
    listed.first.get_by_role("button", name="Delete").click()
    expect(first.locator("#notice")).to_contain_text("This chat was deleted in another tab.")
    ready(first)
    expect(first.get_by_test_id("reply")).to_have_count(0)
    assert "#" not in first.url
    second.reload()
    expect(listed).to_have_count(before - 1)
