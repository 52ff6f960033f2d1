"""Whole chats with the demo model, in Chromium on its software adapter."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.page.conftest import open_without_weights


def test_a_question_is_answered(chat: Page, ask: Callable[[str], Locator]) -> None:
    expect(ask("What is 17 + 25?")).to_have_text("17 + 25 = 42")


def test_the_usage_stands_under_an_answer(chat: Page, ask: Callable[[str], Locator]) -> None:
    ask("What is 17 + 25?")
    said = re.compile(r"^\d+ tokens · [\d.]+ tokens/s · read \d+(, remembered \d+)? · [\d.]+ MB of GPU memory$")
    expect(chat.locator(".usage")).to_have_text(said)


def test_an_example_prompt_is_asked_with_one_click(chat: Page) -> None:
    chat.get_by_role("button", name="Count to 7.").click()
    expect(chat.get_by_test_id("reply")).to_contain_text("7")
    expect(chat.get_by_role("heading", name="A seat by the window")).to_be_hidden()


def test_the_answer_streams(chat: Page, ask: Callable[[str], Locator]) -> None:
    chat.evaluate(
        """() => {
            window.lengths = new Set();
            const note = () => window.lengths.add(document.querySelector("[data-testid=reply]")?.textContent.length);
            new MutationObserver(note).observe(document.body, { subtree: true, childList: true, characterData: true });
        }"""
    )
    ask("Count to 20.")
    assert chat.evaluate("() => window.lengths.size") > 3


def test_the_model_remembers_what_was_said_before(chat: Page, ask: Callable[[str], Locator]) -> None:
    ask("My name is Ada.")
    expect(ask("What is my name?")).to_contain_text("Ada")
    expect(chat.locator(".usage").last).to_contain_text("remembered")


def test_a_new_chat_forgets(chat: Page, ask: Callable[[str], Locator]) -> None:
    ask("My name is Ada.")
    chat.get_by_role("button", name="New chat").click()
    expect(chat.get_by_test_id("reply")).to_have_count(0)
    expect(chat.get_by_role("heading", name="A seat by the window")).to_be_visible()
    expect(ask("What is my name?")).not_to_contain_text("Ada")


def test_stop_ends_an_answer_and_the_chat_goes_on(
    chat: Page, ask: Callable[[str], Locator], at_the_first_text: Callable[[str, str], None]
) -> None:
    at_the_first_text("Count to 20.", "document.querySelector('[aria-label=Stop]').click()")
    expect(chat.get_by_text("Stopped.")).to_be_visible()
    expect(chat.get_by_test_id("reply")).not_to_contain_text("20")
    expect(ask("What is 17 + 25?")).to_have_text("17 + 25 = 42")


def test_escape_stops_an_answer(chat: Page, at_the_first_text: Callable[[str, str], None]) -> None:
    at_the_first_text("Count to 20.", "document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }))")
    expect(chat.get_by_text("Stopped.")).to_be_visible()


def test_escape_in_a_dialog_or_the_list_of_chats_stops_no_answer(
    chat: Page, at_the_first_text: Callable[[str, str], None]
) -> None:
    script = """
        const escape = () => new KeyboardEvent("keydown", { key: "Escape", bubbles: true });
        document.querySelector("#search").dispatchEvent(escape());
        document.querySelector("#open-settings").click();
        document.body.dispatchEvent(escape());
    """
    at_the_first_text("Count to 20.", script)
    chat.get_by_role("dialog").get_by_role("button", name="Done").click()
    expect(chat.get_by_test_id("reply")).to_have_text(" ".join(map(str, range(1, 21))))


def test_the_focus_goes_to_the_message_box_when_an_answer_ends_under_the_stop_button(
    chat: Page, at_the_first_text: Callable[[str, str], None]
) -> None:
    at_the_first_text("Count to 7.", "document.querySelector('#stop').focus()")
    expect(chat.get_by_test_id("reply")).to_contain_text("7")
    expect(chat.get_by_role("textbox", name="Message")).to_be_focused()


def test_a_new_chat_ends_the_answer_that_is_being_written(
    chat: Page, ask: Callable[[str], Locator], at_the_first_text: Callable[[str, str], None]
) -> None:
    at_the_first_text("Count to 20.", "document.querySelector('[aria-label=\"New chat\"]').click()")
    expect(chat.get_by_test_id("reply")).to_have_count(0)
    expect(ask("What is 17 + 25?")).to_have_text("17 + 25 = 42")
    expect(chat.get_by_test_id("reply")).to_have_count(1)


def test_thinking_is_shown_folded(chat: Page, ask: Callable[[str], Locator]) -> None:
    chat.get_by_role("button", name="Think", exact=True).click()
    expect(ask("What is 17 + 25?")).to_contain_text("17 + 25 =")
    thought = chat.locator(".thought")
    expect(thought).to_be_hidden()
    expect(thought).not_to_be_empty()
    chat.get_by_text("Thinking").click()
    expect(thought).to_be_visible()
    chat.get_by_role("button", name="Think", exact=True).click()


def test_the_conversation_is_a_log_that_an_answer_enters_when_it_is_finished(
    chat: Page, at_the_first_text: Callable[[str, str], None]
) -> None:
    at_the_first_text(
        "Count to 7.", "window.early = document.querySelectorAll('[role=log] [data-testid=reply]').length"
    )
    expect(chat.get_by_role("log", name="Conversation").get_by_test_id("reply")).to_contain_text("7")
    assert chat.evaluate("window.early") == 0


def test_the_whole_page_works_from_the_keyboard(chat: Page) -> None:
    box = chat.get_by_role("textbox", name="Message")
    expect(box).to_be_focused()
    chat.keyboard.type("What is")
    chat.keyboard.press("Shift+Enter")
    chat.keyboard.type("17 + 25?")
    expect(box).to_have_value("What is\n17 + 25?")
    chat.keyboard.press("Enter")
    expect(box).to_have_value("")
    expect(box).to_be_focused()
    expect(chat.locator("body")).to_have_attribute("data-state", "ready")
    chat.keyboard.type("Hello")
    chat.keyboard.press("Tab")
    expect(chat.get_by_role("button", name="Think")).to_be_focused()
    chat.keyboard.press("Tab")
    expect(chat.get_by_role("button", name="Send")).to_be_focused()
    chat.keyboard.press("Enter")
    expect(chat.get_by_test_id("reply")).to_have_count(2)
    expect(box).to_be_focused()


def test_a_question_sent_while_the_model_loads_is_asked_when_it_is_there(page: Page, site_url: str) -> None:
    held = open_without_weights(page, site_url)
    box, notice = page.get_by_role("textbox", name="Message"), page.locator("#notice")
    box.fill("Count to 3.")
    box.press("Enter")
    expect(notice).to_contain_text("Your question is asked as soon as the model is there.")
    box.fill("What is 17 + 25?")  # changed: it has to be sent anew
    page.get_by_role("button", name="Send").click()
    expect(box).to_have_value("What is 17 + 25?")
    held.pop().continue_()
    expect(page.get_by_test_id("reply")).to_have_text("17 + 25 = 42")
    expect(page.locator(".question")).to_have_count(1)
    expect(box).to_have_value("")


def test_what_is_changed_after_it_was_sent_to_a_model_that_loads_is_not_asked(page: Page, site_url: str) -> None:
    held = open_without_weights(page, site_url)
    page.get_by_role("button", name="Count to 7.").click()
    page.get_by_role("textbox", name="Message").press_sequentially(" Please")
    held.pop().continue_()
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("Count to 7. Please")
    expect(page.locator(".question")).to_have_count(0)


def test_what_is_being_written_outlives_a_reload(page: Page, site_url: str) -> None:
    page.route("**/models/**", lambda route: route.abort("aborted"))
    page.goto(site_url)
    box = page.get_by_role("textbox", name="Message")
    box.fill("Half a")
    page.reload()
    expect(box).to_have_value("Half a")


def test_model_text_is_never_read_as_html(chat: Page, ask: Callable[[str], Locator]) -> None:
    ask("Repeat: <img src=x onerror=alert(1)>")
    expect(chat.locator("#conversation img")).to_have_count(0)
    expect(chat.locator(".question")).to_have_text("Repeat: <img src=x onerror=alert(1)>")


def test_the_page_names_the_model_and_what_it_runs_on(chat: Page) -> None:
    expect(chat.locator("#model")).to_have_text(re.compile(r"^demo: .*parameters · q4 · .* MB of weights · \S+ "))
    expect(chat.get_by_text("Nothing you write leaves this device.")).to_be_visible()
