"""Takes the pictures of the chat page in docs/pictures from the built site: python -m tests.page.pictures"""

from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright
from windowseat.site_builder import server

from tests.conftest import SOFTWARE_WEBGPU, chromium, served
from tests.page.conftest import BUILT_SITE

PICTURES = Path(__file__).parents[2] / "docs/pictures"
WIDE = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)


def ask(page: Page, question: str) -> None:
    """Asks, and waits for the end of the answer."""
    page.locator("#message").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator(".reply .usage").last).to_be_visible()
    expect(page.locator("body")).to_have_attribute("data-state", "ready")


def take(browser: Browser, address: str) -> None:
    """The main states: welcome, a conversation in both themes, settings and models, a phone, right to left."""
    with browser.new_context(viewport=WIDE, reduced_motion="reduce", color_scheme="light") as context:
        page = context.new_page()
        page.goto(address)
        expect(page.locator("body")).to_have_attribute("data-state", "ready")
        page.screenshot(path=PICTURES / "welcome.png")
        ask(page, "My name is Ada.")
        ask(page, "What is 17 + 25?")
        page.locator("#conversation .edit").last.click()
        page.keyboard.press("Control+A")
        page.keyboard.type("What is my name?")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("reply").last).to_have_text("Your name is Ada.")
        expect(page.locator("body")).to_have_attribute("data-state", "ready")
        page.locator("#side-toggle").click()
        page.locator("#message").focus()
        page.screenshot(path=PICTURES / "light.png")
        page.emulate_media(color_scheme="dark")
        page.screenshot(path=PICTURES / "dark.png")
        for button, name in [("#open-settings", "settings"), ("#open-models", "models")]:
            page.locator(button).click()
            expect(page.locator("dialog[open]")).to_be_visible()
            if name == "models":
                expect(page.locator(".model .fit")).to_be_visible()
            page.screenshot(path=PICTURES / f"{name}.png")
            page.keyboard.press("Escape")
        page.emulate_media(color_scheme="light")
        page.locator("#languages").select_option("ar")
        expect(page.locator("html")).to_have_attribute("dir", "rtl")
        expect(page.locator("body")).to_have_attribute("data-state", "ready")
        page.screenshot(path=PICTURES / "arabic.png")
        page.locator("#languages").select_option("en")
        expect(page.locator("html")).to_have_attribute("dir", "ltr")
        expect(page.locator("body")).to_have_attribute("data-state", "ready")
        page.locator("#side-toggle").click()
        page.set_viewport_size(PHONE)
        page.screenshot(path=PICTURES / "phone.png")


def main() -> None:
    """Takes them all."""
    PICTURES.mkdir(exist_ok=True)
    with (
        served(server.application(BUILT_SITE)) as address,
        sync_playwright() as playwright,
        chromium(playwright, SOFTWARE_WEBGPU) as browser,
    ):
        take(browser, address)


if __name__ == "__main__":
    main()
