"""Where the focus goes when what had it is gone, and what takes it."""

import re
from collections.abc import Callable

from playwright.sync_api import Browser, FilePayload, Page, expect


def test_the_focus_goes_to_the_message_box_with_the_way_to_the_newest(chat: Page, ask: Callable[[str], None]) -> None:
    chat.set_viewport_size({"width": 1280, "height": 360})
    ask("Count to 20.")
    ask("Count to 20.")
    chat.locator("#view").evaluate("(view) => { view.scrollTop = 0; }")
    newest = chat.get_by_role("button", name="Newest")
    newest.focus()
    chat.keyboard.press("Enter")
    expect(newest).to_be_hidden()
    expect(chat.get_by_role("textbox", name="Message")).to_be_focused()
    chat.set_viewport_size({"width": 1280, "height": 720})


def test_a_notice_stays_as_long_as_it_has_the_focus_and_gives_it_back(page: Page, site_url: str) -> None:
    page.clock.install()
    page.route("**/models/**", lambda route: route.abort("aborted"))
    page.goto(site_url)
    file = FilePayload(name="bad.md", mimeType="text/plain", buffer=b"nothing")
    page.locator("#import-files").set_input_files(file)
    notice, box = page.locator("#notice"), page.get_by_role("textbox", name="Message")
    expect(notice).to_be_visible()
    box.focus()
    notice.get_by_role("button", name="Close").focus()
    page.clock.fast_forward(13_000)
    expect(notice).to_be_visible()
    page.keyboard.press("Enter")
    expect(notice).to_be_hidden()
    expect(box).to_be_focused()
    page.locator("#import-files").set_input_files(file)
    expect(notice).to_be_visible()
    page.clock.fast_forward(13_000)
    expect(notice).to_be_hidden()


def test_the_focus_stays_in_the_dialog_when_a_model_is_deleted(page: Page, site_url: str) -> None:
    page.goto(site_url)
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    page.get_by_role("button", name=re.compile("^demo")).click()
    sheet = page.get_by_role("dialog", name="Models")
    sheet.get_by_role("button", name="Delete demo").click()
    expect(sheet.get_by_text("was deleted from this device.")).to_be_visible()
    expect(sheet.locator("button:focus")).to_have_count(1)


def test_the_list_of_chats_is_open_again_after_the_window_was_narrow(chat: Page) -> None:
    root = chat.locator("html")
    if root.get_attribute("data-side") != "open":
        chat.get_by_role("button", name="List of chats").click()
    chat.set_viewport_size({"width": 800, "height": 720})
    expect(root).to_have_attribute("data-side", "closed")
    chat.set_viewport_size({"width": 1280, "height": 720})
    expect(root).to_have_attribute("data-side", "open")


def test_opening_the_list_on_a_phone_brings_up_no_keyboard(browser: Browser, site_url: str) -> None:
    with browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800}) as context:
        page = context.new_page()
        page.route("**/models/**", lambda route: route.abort("aborted"))
        page.goto(site_url)
        page.get_by_role("button", name="List of chats").click()
        expect(page.get_by_role("button", name="Close", exact=True)).to_be_focused()
