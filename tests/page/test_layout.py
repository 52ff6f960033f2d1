"""Where things stand on screens of any size, on paper, and in a person's own colours."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, FilePayload, FloatRect, Locator, Page, expect

from tests.page.conftest import open_without_weights

SIZES = [(1280, 720), (390, 844), (320, 568), (667, 300)]
LONG = "How does the public transport of a town of medium size work, and why does it work that way?"
TITLES = [LONG, "x" * 200, "Short"]


def open_chat(page: Page, site_url: str) -> None:
    """Opens the chat page and waits for its model: nothing moves by itself any more."""
    page.goto(site_url)
    expect(page.locator("body")).to_have_attribute("data-state", "ready")


@pytest.fixture
def phone(browser: Browser, site_url: str) -> Iterator[Page]:
    """The chat page on a touch screen."""
    with browser.new_context(has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844}) as context:
        page = context.new_page()
        open_chat(page, site_url)
        yield page
        page.goto("about:blank")


def take_in_chats(page: Page) -> None:
    """Has three chats with long answers in the list; the last is on screen."""
    words = "Some words of an answer. " * 200
    message = {"parent": None, "role": "user", "content": "Why?", "thinking": "", "ending": None}
    answer = {**message, "parent": 0, "role": "assistant", "content": words, "ending": "stop"}
    settings = {"system": "", "thinking": False, "numbers": {}}
    chat = {"created": 0, "changed": 0, "settings": settings, "messages": [message, answer], "shown": 1}
    chats = [{**chat, "title": title} for title in TITLES]
    file = {"format": "windowseat-conversations", "version": 1, "conversations": chats}
    content = FilePayload(name="chats.json", mimeType="application/json", buffer=json.dumps(file).encode())
    page.locator("#import-files").set_input_files(content)
    page.locator("#notice").get_by_role("button", name="Close").click()
    expect(page.locator(".question")).to_have_text("Why?")


def box_of(place: Locator) -> FloatRect:
    box = place.bounding_box()
    assert box is not None, f"{place} is not shown"
    return box


def overlap(one: FloatRect, other: FloatRect) -> bool:
    return (
        one["x"] < other["x"] + other["width"]
        and other["x"] < one["x"] + one["width"]
        and one["y"] < other["y"] + other["height"]
        and other["y"] < one["y"] + one["height"]
    )


def scroll_up(page: Page) -> None:
    page.locator("#view").evaluate("view => { view.scrollTop = view.scrollHeight; }")
    page.locator("#view").evaluate("view => { view.scrollTop -= 200; }")
    expect(page.locator("#newest")).to_be_visible()


@pytest.mark.parametrize("title", [LONG, "x" * 200], ids=["long", "unbroken"])
def test_a_notice_covers_nothing_and_its_button_keeps_its_word_whole(page: Page, site_url: str, title: str) -> None:
    open_chat(page, site_url)
    take_in_chats(page)
    page.get_by_role("button", name="List of chats").click()
    page.get_by_role("link", name=title).hover()
    page.get_by_role("button", name=f"Delete “{title}”").click()
    page.get_by_role("button", name="List of chats").click()
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        scroll_up(page)
        notice = box_of(page.locator("#notice"))
        for name in ("#newest", "#composer", "header"):
            assert not overlap(notice, box_of(page.locator(name))), (width, height, name)
        assert box_of(page.get_by_role("button", name="Undo"))["height"] < 50, (width, height)
        assert notice["height"] < 120, (width, height)


def test_on_a_phone_every_chat_can_be_deleted_and_brought_back_from_the_list(phone: Page) -> None:
    take_in_chats(phone)
    phone.get_by_role("button", name="List of chats").tap()
    chats = phone.locator("#conversations > li")
    expect(chats).to_have_count(3)
    assert [box_of(icon)["width"] >= 40 for icon in phone.locator(".chat .icon").all()] == [True] * 6
    phone.get_by_role("button", name=f"Delete “{LONG}”").tap()
    expect(chats).to_have_count(2)
    assert not overlap(box_of(phone.locator("#notice")), box_of(phone.locator("#side")))
    phone.get_by_role("button", name="Undo").tap()
    expect(chats).to_have_count(3)


def test_what_is_typed_into_is_large_enough_for_a_phone_not_to_zoom(phone: Page) -> None:
    sizes = phone.evaluate(
        "[...document.querySelectorAll('input:not([type=file]), select, textarea')]"
        ".map((box) => parseFloat(getComputedStyle(box).fontSize))"
    )
    assert len(sizes) > 10
    assert min(sizes) >= 16


def test_number_boxes_have_the_type_of_the_page(chat: Page) -> None:
    family = "(name) => getComputedStyle(document.querySelector(name)).fontFamily"
    assert chat.evaluate(family, "#numbers input") == chat.evaluate(family, "body")


@pytest.mark.parametrize(("width", "height"), [(320, 200), (667, 300), (1280, 300)])
def test_a_low_window_has_room_for_the_conversation_and_for_the_list(
    page: Page, site_url: str, width: int, height: int
) -> None:
    page.set_viewport_size({"width": width, "height": height})
    open_chat(page, site_url)
    take_in_chats(page)
    assert box_of(page.locator("#view"))["height"] > 80
    page.get_by_role("button", name="List of chats").click()
    for place in [*page.locator(".chat a").all(), page.locator("#languages")]:
        place.scroll_into_view_if_needed()
        expect(place).to_be_in_viewport(ratio=0.9)
        box = box_of(place)
        hit = "([x, y]) => document.elementFromPoint(x, y).closest('.chat a, #languages') !== null"
        assert page.evaluate(hit, [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])


def test_a_low_window_leaves_out_the_technical_line(chat: Page) -> None:
    expect(chat.locator("#model")).to_be_visible()
    chat.set_viewport_size({"width": 1280, "height": 600})
    expect(chat.locator("#model")).to_be_hidden()
    expect(chat.get_by_text("Answers may be wrong.")).to_be_visible()
    chat.set_viewport_size({"width": 1280, "height": 720})


def test_the_heading_is_read_out_on_the_narrowest_screen(chat: Page) -> None:
    chat.set_viewport_size({"width": 320, "height": 568})
    expect(chat.get_by_role("heading", level=1)).to_have_accessible_name("Windowseat")
    chat.set_viewport_size({"width": 1280, "height": 720})


def test_the_message_box_stays_where_it_is_when_the_model_is_there(page: Page, site_url: str) -> None:
    held = open_without_weights(page, site_url)
    expect(page.locator("#loading")).to_be_visible()
    before = box_of(page.locator("#composer"))
    held.pop().continue_()
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    assert box_of(page.locator("#composer")) == before


def test_a_phone_gives_a_message_the_width_of_its_box(chat: Page) -> None:
    chat.set_viewport_size({"width": 390, "height": 844})
    assert box_of(chat.locator("#message"))["width"] > 320
    chat.set_viewport_size({"width": 1280, "height": 720})


def test_the_way_out_of_a_sheet_is_always_in_sight(chat: Page) -> None:
    chat.set_viewport_size({"width": 320, "height": 400})
    chat.get_by_role("button", name="Settings of this chat").click()
    expect(chat.get_by_role("button", name="Done")).to_be_in_viewport(ratio=1)
    chat.keyboard.press("Escape")
    chat.set_viewport_size({"width": 1280, "height": 720})


def test_a_title_that_is_cut_off_can_be_read(page: Page, site_url: str) -> None:
    open_chat(page, site_url)
    take_in_chats(page)
    expect(page.locator(".chat a").filter(has_text=LONG)).to_have_attribute("title", LONG)


def test_paper_has_all_of_a_conversation_and_nothing_to_press(page: Page, site_url: str) -> None:
    open_chat(page, site_url)
    take_in_chats(page)
    page.emulate_media(media="print")
    seen, whole = page.locator("#view").evaluate("view => [view.clientHeight, view.scrollHeight]")
    assert seen == whole > 1000
    assert page.locator("button:visible, textarea:visible").count() == 0


def test_forced_colours_keep_what_is_current_pressed_or_wrong_apart(page: Page, site_url: str) -> None:
    page.emulate_media(forced_colors="active")
    open_chat(page, site_url)
    take_in_chats(page)
    page.get_by_role("button", name="List of chats").click()
    style = "(place, name) => getComputedStyle(place)[name]"

    def outlined(place: Locator) -> bool:
        return bool(place.evaluate(style, "outlineStyle") == "solid")

    assert [outlined(chat) for chat in page.locator(".chat").all()] == [False, False, True]
    think = page.get_by_role("button", name="Think")
    assert not outlined(think)
    think.click()
    page.get_by_role("textbox", name="Message").focus()
    assert outlined(think)
    for button in (page.locator("#send"), page.locator("#settings .action")):
        assert button.evaluate(style, "borderTopStyle") == "solid"
    page.get_by_role("button", name="Settings of this chat").click()
    temperature = page.get_by_role("spinbutton", name="Temperature")
    temperature.fill("99")
    assert temperature.evaluate(style, "borderTopStyle") == "dashed"


def test_without_scripts_nothing_offers_what_it_cannot_do(browser: Browser, site_url: str) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(site_url)
        expect(page.locator("noscript p")).to_have_text("This page needs JavaScript to run the model.")
        assert page.locator("button:visible, textarea:visible, [role=progressbar]:visible").count() == 0
