"""Light and dark."""

from playwright.sync_api import Page, expect

PAPER = "getComputedStyle(document.body).backgroundColor"


def test_the_page_follows_the_system(page: Page, site_url: str) -> None:
    page.goto(site_url)
    page.emulate_media(color_scheme="light")
    light = page.evaluate(PAPER)
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(PAPER) != light


def test_the_theme_button_goes_round_and_the_choice_outlives_a_reload(page: Page, site_url: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(site_url)
    light = page.evaluate(PAPER)
    page.get_by_role("button", name="List of chats").click()
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert page.evaluate(PAPER) != light


def test_the_page_fits_a_narrow_phone(chat: Page) -> None:
    chat.set_viewport_size({"width": 320, "height": 568})
    assert chat.evaluate("document.documentElement.scrollWidth") == 320
    expect(chat.get_by_role("button", name="New chat")).to_be_in_viewport(ratio=1)
    expect(chat.get_by_role("button", name="Send")).to_be_in_viewport(ratio=1)
    chat.set_viewport_size({"width": 1280, "height": 720})


def test_the_bar_of_the_browser_has_the_colour_of_the_theme(page: Page, site_url: str) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(site_url)
    bar = """[...document.querySelectorAll("meta[name=theme-color]")]
        .find(({ media }) => matchMedia(media).matches).content"""
    light = page.evaluate(bar)
    page.get_by_role("button", name="List of chats").click()
    page.get_by_role("button", name="Theme: system").click()
    page.get_by_role("button", name="Theme: light").click()
    dark = page.evaluate(bar)
    assert dark != light
    page.reload()
    assert page.evaluate(bar) == dark
