"""What a person does with conversations, with the demo model in Chromium: kept, found, branched, taken out and in."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Locator, Page, expect

Ask = Callable[[str], Locator]


@pytest.fixture
def side(chat: Page) -> Locator:
    """The list of chats, open."""
    if chat.locator("html").get_attribute("data-side") != "open":
        chat.get_by_role("button", name="List of chats").click()
    return chat.get_by_role("complementary", name="Chats")


def take_in(side: Locator, name: str, content: str) -> None:
    file = FilePayload(name=name, mimeType="text/plain", buffer=content.encode())
    side.locator("#import-files").set_input_files(file)


def test_conversations_are_found_renamed_and_opened_again(chat: Page, ask: Ask, side: Locator) -> None:
    ask("Say hello in Japanese.")
    chat.get_by_role("button", name="New chat").click()
    side.get_by_role("searchbox").fill("HELLO japanese")
    expect(side.get_by_role("listitem")).to_have_count(1)
    side.get_by_role("listitem").hover()
    side.get_by_role("button", name="Rename “Say hello in Japanese.”").click()
    chat.keyboard.type("Greetings")
    chat.keyboard.press("Enter")
    link = side.get_by_role("link", name="Greetings")
    expect(link).to_be_focused()
    chat.keyboard.press("Enter")
    expect(chat.locator(".question")).to_have_text("Say hello in Japanese.")
    expect(link).to_have_attribute("aria-current", "page")
    side.get_by_role("searchbox").fill("no such words")
    expect(side.get_by_text("No chat has these words.")).to_be_visible()
    side.get_by_role("searchbox").fill("")


def test_a_deleted_conversation_comes_back_with_undo(chat: Page, ask: Ask, side: Locator) -> None:
    ask("Count to 7.")
    links = side.get_by_role("listitem")
    before = links.count()
    side.get_by_role("button", name="Delete “Count to 7.”").first.click()
    expect(links).to_have_count(before - 1)
    expect(chat.get_by_test_id("reply")).to_have_count(0)
    chat.get_by_role("button", name="Undo").click()
    side.get_by_role("link", name="Count to 7.").first.click()
    expect(chat.get_by_test_id("reply")).to_contain_text("7")


def test_an_edited_question_is_another_branch(chat: Page, ask: Ask) -> None:
    ask("What is 17 + 25?")
    chat.get_by_role("button", name="Edit").click()
    chat.get_by_role("textbox", name="You").fill("What is 20 + 30?")
    chat.keyboard.press("Enter")
    expect(chat.get_by_test_id("reply")).to_have_text("20 + 30 = 50")
    expect(chat.locator(".branches .count")).to_have_text("2/2")
    chat.get_by_role("button", name="Version before").focus()
    chat.keyboard.press("Enter")
    expect(chat.get_by_test_id("reply")).to_have_text("17 + 25 = 42")
    expect(chat.get_by_role("button", name="Next version")).to_be_focused()
    chat.keyboard.press("Enter")
    expect(chat.get_by_test_id("reply")).to_have_text("20 + 30 = 50")


def test_a_question_that_is_changed_while_an_answer_comes_stays_until_it_is_asked(
    chat: Page, ask: Ask, at_the_first_text: Callable[[str, str], None]
) -> None:
    ask("Say hello in Japanese.")
    script = """
        document.querySelector(".asked .edit").click();
        const editor = document.querySelector(".editor");
        editor.querySelector("textarea").value = "What is 20 + 30?";
        editor.requestSubmit();
        window.disabled = document.querySelector(".again").disabled;
    """
    at_the_first_text("Count to 7.", script)
    expect(chat.locator("#notice")).to_contain_text("This can be asked once the model is ready.")
    assert chat.evaluate("disabled")
    expect(chat.locator("body")).to_have_attribute("data-state", "ready")
    expect(chat.get_by_role("button", name="Answer again").first).to_be_enabled()
    chat.get_by_role("textbox", name="You").press("Enter")
    expect(chat.get_by_test_id("reply")).to_have_text("20 + 30 = 50")


def test_an_answer_is_written_again_beside_the_first(chat: Page, ask: Ask) -> None:
    ask("What is 17 + 25?")
    chat.get_by_role("button", name="Answer again").click()
    expect(chat.locator(".branches .count")).to_have_text("2/2")
    expect(chat.locator("body")).to_have_attribute("data-state", "ready")
    expect(chat.get_by_test_id("reply")).to_have_text("17 + 25 = 42")


def test_an_answer_that_was_stopped_goes_on_where_it_was(
    chat: Page, at_the_first_text: Callable[[str, str], None]
) -> None:
    at_the_first_text("Count to 20.", "document.querySelector('[aria-label=Stop]').click()")
    expect(chat.get_by_text("Stopped.")).to_be_visible()
    chat.get_by_role("button", name="Go on with this answer").click()
    expect(chat.get_by_test_id("reply")).to_have_text(" ".join(map(str, range(1, 21))))
    expect(chat.get_by_text("Stopped.")).to_have_count(0)


def test_an_answer_is_copied_as_it_was_written(chat: Page, ask: Ask) -> None:
    ask("What is 17 + 25?")
    chat.locator(".reply").get_by_role("button", name="Copy").click()
    expect(chat.get_by_role("button", name="Copied")).to_be_focused()
    assert chat.evaluate("navigator.clipboard.readText()") == "17 + 25 = 42"


def test_settings_hold_for_one_chat_and_wrong_numbers_are_marked(chat: Page, ask: Ask) -> None:
    chat.get_by_role("button", name="Settings of this chat").click()
    longest, temperature = (chat.get_by_role("spinbutton", name=name) for name in ("Longest answer", "Temperature"))
    expect(temperature).to_have_attribute("placeholder", "0")
    longest.fill("3")
    temperature.fill("7")
    expect(temperature).to_have_attribute("aria-invalid", "true")
    temperature.fill("")
    expect(temperature).not_to_have_attribute("aria-invalid", "true")
    chat.keyboard.press("Escape")
    ask("Count to 20.")
    expect(chat.get_by_text("as long as the settings of this chat allow")).to_be_visible()
    expect(chat.locator(".usage")).to_have_text(re.compile(r"^3 tokens "))
    chat.get_by_role("button", name="New chat").click()
    ask("Count to 7.")
    expect(chat.get_by_test_id("reply")).to_have_text("1 2 3 4 5 6 7")


@pytest.mark.parametrize("form", ["Markdown", "JSON"])
def test_a_conversation_goes_out_as_a_file_and_comes_in_again(
    chat: Page, ask: Ask, side: Locator, tmp_path: Path, form: str
) -> None:
    ask("What is 17 + 25?")
    chat.get_by_role("button", name="Settings of this chat").click()
    with chat.expect_download() as download:
        chat.get_by_role("button", name=form).click()
    chat.keyboard.press("Escape")
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    address = chat.url
    side.locator("#import-files").set_input_files(file)
    expect(chat).not_to_have_url(address)
    expect(chat.get_by_text("1 chat came in.")).to_be_visible()
    expect(chat.get_by_test_id("reply")).to_have_text("17 + 25 = 42")


def test_a_file_that_is_hostile_is_refused_or_shown_as_text(chat: Page, side: Locator) -> None:
    chat.evaluate("window.ran = 0; window.canary = () => { ran += 1; }; 0")
    take_in(side, "bad.json", '{"format": "windowseat-conversations", "version": 1, "conversations": [{}]}')
    expect(chat.locator("#notice")).to_contain_text("bad.json has no chats that can be read: conversations[0].messages")
    attack = "<img src=x onerror=canary()><script>canary()</script>[a](javascript:canary())"
    message = {"parent": None, "role": "user", "content": attack, "thinking": "", "ending": None}
    answer = {**message, "parent": 0, "role": "assistant", "thinking": attack, "ending": "stop"}
    conversation = {
        "title": attack,
        "created": 0,
        "changed": 0,
        "settings": {"system": attack, "thinking": False, "numbers": {}},
        "messages": [message, answer],
        "shown": 1,
    }
    file = {"format": "windowseat-conversations", "version": 1, "conversations": [conversation]}
    take_in(side, "attack.json", json.dumps(file))
    expect(chat.locator(".question")).to_have_text(attack)
    expect(side.get_by_role("link", name=attack)).to_be_visible()
    chat.get_by_text("Thinking").click()
    assert chat.locator("#side img, #conversation img, #conversation script, [href^='javascript']").count() == 0
    assert chat.evaluate("ran") == 0


def test_a_page_that_was_closed_in_the_middle_of_an_answer_has_what_came(
    chat: Page, at_the_first_text: Callable[[str, str], None]
) -> None:
    at_the_first_text("Count to 20.", "location.reload()")
    expect(chat.get_by_text("The page was closed before this answer was finished.")).to_be_visible()
    expect(chat.locator("body")).to_have_attribute("data-state", "ready")
    chat.get_by_role("button", name="Go on with this answer").click()
    expect(chat.get_by_test_id("reply")).to_have_text(" ".join(map(str, range(1, 21))))


def test_every_conversation_goes_into_one_file(chat: Page, ask: Ask, side: Locator, tmp_path: Path) -> None:
    ask("What is 17 + 25?")
    with chat.expect_download() as download:
        side.get_by_role("button", name="Export all").click()
    download.value.save_as(tmp_path / "all.json")
    found = json.loads((tmp_path / "all.json").read_text("utf-8"))
    assert len(found["conversations"]) == side.get_by_role("listitem").count()


def test_files_go_in_and_out_by_the_keyboard(chat: Page, ask: Ask, side: Locator, tmp_path: Path) -> None:
    ask("What is 17 + 25?")
    # Expected from the start: the browser has to be told that no window shall open.
    with chat.expect_file_chooser() as chooser:
        side.get_by_role("button", name="Export all").focus()
        with chat.expect_download() as download:
            chat.keyboard.press("Enter")
        download.value.save_as(tmp_path / "all.json")
        chat.keyboard.press("Shift+Tab")
        expect(side.get_by_role("button", name="Import")).to_be_focused()
        chat.keyboard.press("Enter")
    chooser.value.set_files(tmp_path / "all.json")
    expect(chat.locator("#notice")).to_contain_text("came in.")


def tab_to(page: Page, target: Locator) -> None:
    """Goes on by Tab until this has the focus, as someone without a mouse does."""
    for _ in range(80):
        if target.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never comes to {target}")


def test_chats_settings_and_theme_by_the_keyboard_alone(chat: Page, ask: Ask, side: Locator) -> None:
    ask("Count from 3 to 9.")
    tab_to(chat, side.get_by_role("searchbox"))
    chat.keyboard.type("from 3 to 9")
    expect(side.get_by_role("listitem")).to_have_count(1)
    tab_to(chat, side.get_by_role("button", name="Rename “Count from 3 to 9.”"))
    chat.keyboard.press("Enter")
    chat.keyboard.type("Nines")
    chat.keyboard.press("Enter")
    expect(side.get_by_role("link", name="Nines")).to_be_focused()
    tab_to(chat, side.get_by_role("button", name="Delete “Nines”"))
    chat.keyboard.press("Enter")
    expect(side.get_by_role("listitem")).to_have_count(0)
    tab_to(chat, chat.get_by_role("button", name="Undo"))
    chat.keyboard.press("Enter")
    expect(side.get_by_role("link", name="Nines")).to_be_visible()
    tab_to(chat, chat.get_by_role("button", name="Settings of this chat"))
    chat.keyboard.press("Enter")
    tab_to(chat, chat.get_by_role("spinbutton", name="Temperature"))
    chat.keyboard.type("0.5")
    chat.keyboard.press("Escape")
    expect(chat.get_by_role("button", name="Settings of this chat")).to_be_focused()
    for theme in ("system", "light", "dark"):
        tab_to(chat, chat.get_by_role("button", name=f"Theme: {theme}"))
        chat.keyboard.press("Enter")
    expect(chat.get_by_role("button", name="Theme: system")).to_be_focused()
    tab_to(chat, side.get_by_role("searchbox"))
    chat.keyboard.press("Control+A")
    chat.keyboard.press("Delete")


def test_the_chat_before_a_new_one_is_one_step_back(chat: Page, ask: Ask) -> None:
    ask("Count to 3.")
    chat.get_by_role("button", name="New chat").click()
    ask("Count to 7.")
    chat.go_back()
    expect(chat.locator(".question")).to_have_text("Count to 3.")
    chat.go_forward()
    expect(chat.locator(".question")).to_have_text("Count to 7.")


def test_one_undo_brings_back_all_chats_that_were_just_deleted(chat: Page, ask: Ask, side: Locator) -> None:
    links = side.get_by_role("listitem")
    before = links.count()
    for question in ("Count to 3.", "Count to 7."):
        chat.get_by_role("button", name="New chat").click()
        ask(question)
    for question in ("Count to 7.", "Count to 3."):
        side.get_by_role("button", name=f"Delete “{question}”").first.click()
    expect(links).to_have_count(before)
    expect(chat.locator("#notice")).to_contain_text("2 chats were deleted.")
    chat.get_by_role("button", name="Undo").click()
    expect(links).to_have_count(before + 2)
    # The one that was open is so again, and what is typed goes into it.
    expect(chat.locator(".question")).to_have_text("Count to 7.")
    expect(chat.get_by_role("textbox", name="Message")).to_be_focused()


def test_of_several_files_each_that_fails_is_named(chat: Page, side: Locator) -> None:
    files = {"other.json": '[{"title": "A chat"}]', "good.md": "<!-- user -->\n\nA question"}
    side.locator("#import-files").set_input_files(
        [FilePayload(name=name, mimeType="text/plain", buffer=text.encode()) for name, text in files.items()]
    )
    notice = chat.locator("#notice")
    expect(notice).to_contain_text("1 chat came in.")
    expect(notice).to_contain_text("other.json has no chats that can be read: it is no file of chats")


def test_a_new_chat_ends_the_search_that_would_hide_it(chat: Page, ask: Ask, side: Locator) -> None:
    side.get_by_role("searchbox").fill("no such words")
    chat.get_by_role("button", name="New chat").click()
    ask("Count to 3.")
    expect(side.get_by_role("link", name="Count to 3.").first).to_be_visible()


def test_a_copy_that_the_browser_refuses_is_said(chat: Page, ask: Ask) -> None:
    ask("What is 17 + 25?")
    chat.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error()); }")
    chat.locator(".reply").get_by_role("button", name="Copy").click()
    expect(chat.locator("#notice")).to_contain_text("Not copied")
    chat.evaluate("() => { delete navigator.clipboard.writeText; }")


def test_a_browser_that_keeps_nothing_says_so_in_a_sentence(page: Page, site_url: str) -> None:
    page.add_init_script(
        'indexedDB.open = () => { throw new DOMException("Internal error opening the store.", "UnknownError"); }'
    )
    page.route("**/models/**", lambda route: route.abort("aborted"))
    page.goto(site_url)
    expect(page.locator("#notice")).to_contain_text(
        "This browser keeps no chats now: Internal error opening the store. They last until the page is closed."
    )
