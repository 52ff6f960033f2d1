"""The page in other languages."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from windowseat.site_builder import texts
from windowseat.site_builder.site import SCRIPTS, Options, build_site

from tests.page.conftest import BUILT_SITE, assert_as_expected, watched_page

LATIN = re.compile(r"[A-Za-z]{3,}")


@pytest.fixture
def arabic(browser_without_webgpu: Browser, site_url: str) -> Iterator[Page]:
    """The chat page for someone who reads Arabic, where no model can run."""
    with watched_page(browser_without_webgpu, locale="ar-EG") as (page, console):
        page.goto(site_url)
        expect(page.locator("body")).to_have_attribute("data-state", "failed")
        yield page
    assert_as_expected(console, [])


def test_arabic_runs_from_right_to_left_and_leaves_no_english_behind(arabic: Page) -> None:
    expect(arabic.locator("html")).to_have_attribute("dir", "rtl")
    expect(arabic.get_by_role("button", name="محادثة جديدة")).to_be_visible()
    box = arabic.locator("#side-toggle").bounding_box()
    assert box is not None
    assert box["x"] > 1000  # the list of chats opens on the right
    own = {"Markdown", "JSON", "JavaScript", "WebGPU", "Enter", "Escape", "Windowseat", "demo"}
    said = arabic.evaluate(
        """[...document.querySelectorAll("[data-texts]")].flatMap((node) => [node.ariaLabel, node.title,
            node.placeholder, node.dataset.texts.includes("text:") ? node.textContent : ""])"""
    )
    assert [word for text in said for word in LATIN.findall(text or "") if word not in own] == []


def test_what_the_page_says_of_a_failure_is_arabic_and_the_engine_s_sentence_is_marked_as_english(arabic: Page) -> None:
    card = arabic.get_by_role("alert")
    expect(card.get_by_role("heading")).to_have_text(texts.languages()["ar"]["no_adapter"])
    expect(card.locator("[lang=en][dir=ltr]")).to_contain_text("WebGPU")


def test_a_language_is_chosen_from_the_menu_and_stays(page_without_webgpu: Page, site_url: str) -> None:
    page = page_without_webgpu
    page.goto(site_url)
    page.get_by_role("button", name="List of chats").click()
    page.get_by_role("combobox", name="Language").focus()
    page.keyboard.type("Deu")
    expect(page.get_by_role("button", name="Neuer Chat")).to_be_visible()
    page.reload()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_role("textbox", name="Nachricht")).to_be_visible()


def test_the_pages_beside_the_chat_are_in_the_visitor_s_language(browser: Browser, site_url: str) -> None:
    with watched_page(browser, locale="de-DE") as (page, console):
        page.goto(f"{site_url}will_it_run.html")
        expect(page.locator("#verdict")).to_contain_text("Ja: Es läuft hier.")
        expect(page).to_have_title(re.compile(r"^Läuft es hier\? .* Windowseat$"))
        expect(page.get_by_role("listitem").filter(has_text="demo")).to_contain_text("Läuft hier und braucht")
        said = page.evaluate("document.querySelector('main').innerText")
        english = texts.languages()["en"]
        assert [key for key, text in english.items() if key.startswith("means_") and text in said] == []
        page.get_by_role("link", name="Beispiele").click()
        expect(page.get_by_role("button", name="Zusammenfassen")).to_be_visible()
        page.get_by_role("link", name="Widget").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Ein Chat für jede Website")
    assert_as_expected(console, [])


def test_a_language_whose_words_do_not_come_leaves_the_page_in_english(
    browser_without_webgpu: Browser, site_url: str
) -> None:
    with watched_page(browser_without_webgpu, locale="ar") as (page, console):
        page.context.route(re.compile(r"/assets/ar-"), lambda route: route.abort())
        page.goto(site_url)
        expect(page.get_by_role("button", name="New chat")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("dir", "ltr")
    assert_as_expected(console, ["ERR_FAILED"])


def test_a_site_says_some_things_in_its_own_words(
    browser_without_webgpu: Browser, tmp_path: Path, serve: Callable[[Path], str]
) -> None:
    theme = tmp_path / "theme.toml"
    theme.write_text(
        '[texts.en]\ntagline = "By the water"\n[texts.de]\ntagline = "Am Wasser"\nno_adapter = "Keine Karte"\n'
    )
    site = build_site(BUILT_SITE / "models", tmp_path / "site", lambda _: None, SCRIPTS, Options(theme=theme))
    assert ">By the water<" in (site / "index.html").read_text("utf-8")
    with watched_page(browser_without_webgpu, locale="de-DE") as (page, console):
        page.goto(serve(site))
        expect(page.get_by_role("heading", level=2, name="Am Wasser")).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text("Keine Karte")
        expect(page.get_by_role("button", name="Neuer Chat")).to_be_visible()
    assert_as_expected(console, [])
