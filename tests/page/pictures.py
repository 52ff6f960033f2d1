"""Takes the pictures in docs/pictures from the built site: python -m tests.page.pictures"""

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


def take_chat(browser: Browser, address: str) -> None:
    """The chat's main states: welcome, a conversation in both themes, settings and models, a phone, right to left."""
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


def take_pages(browser: Browser, address: str) -> None:
    """The pages beside the chat, in one theme or the other, and the widget while it is open."""
    with browser.new_context(viewport=WIDE, reduced_motion="reduce", color_scheme="light") as context:
        page = context.new_page()
        page.goto(f"{address}examples.html")
        example = page.get_by_role("region", name="Extract JSON")
        example.get_by_role("button", name="Extract").click()
        expect(example.get_by_label("What the model says")).to_contain_text('"age": 36')
        expect(example.get_by_role("button", name="Extract")).to_be_enabled()
        example.get_by_text("The code").click()
        example.scroll_into_view_if_needed()
        page.screenshot(path=PICTURES / "examples.png")
        page.emulate_media(color_scheme="dark")
        page.goto(f"{address}will_it_run.html")
        expect(page.locator("#verdict")).to_contain_text("Yes")
        page.screenshot(path=PICTURES / "will_it_run.png")
        page.emulate_media(color_scheme="light")
        page.goto(f"{address}widget.html")
        page.get_by_role("button", name="Ask the shop").click()
        page.keyboard.type("What is 17 + 25?")
        page.keyboard.press("Enter")
        expect(page.get_by_text("17 + 25 = 42")).to_be_visible()
        page.screenshot(path=PICTURES / "widget.png")


def take_failure(browser: Browser, address: str) -> None:
    """The chat where no model can run."""
    with browser.new_context(viewport=PHONE, reduced_motion="reduce", color_scheme="dark") as context:
        page = context.new_page()
        page.goto(address)
        expect(page.get_by_role("alert")).not_to_be_empty()
        page.screenshot(path=PICTURES / "failure.png")


def main() -> None:
    """Takes them all."""
    PICTURES.mkdir(exist_ok=True)
    with (
        served(server.application(BUILT_SITE)) as address,
        sync_playwright() as playwright,
        chromium(playwright, SOFTWARE_WEBGPU) as browser,
        chromium(playwright, []) as without_webgpu,
    ):
        take_chat(browser, address)
        take_pages(browser, address)
        take_failure(without_webgpu, address)


if __name__ == "__main__":
    main()
