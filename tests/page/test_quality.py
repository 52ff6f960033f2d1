"""What holds of the whole chat page: nothing moves while an answer streams, and everybody can use it."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.conftest import serious
from tests.page.hostile import cut

DOCUMENT = (Path(__file__).parent / "document.md").read_text("utf-8")

# The next request does not reach the engine: a script answers it, as fast as it is told to.
HOLD = """() => {
    delete window.say;  // of the request before
    const post = Worker.prototype.postMessage;
    Worker.prototype.postMessage = function (message) {
        if (message.kind !== "generate") return post.call(this, message);
        Worker.prototype.postMessage = post;
        window.say = (said) =>
            this.dispatchEvent(new MessageEvent("message", { data: { id: message.id, ...said } }));
    };
}"""
STREAM = """async ({ pieces, everyMs }) => {
    let moved = 0;
    const count = (entries) => entries.forEach((entry) => { moved += entry.value; });
    const watch = new PerformanceObserver((list) => count(list.getEntries()));
    watch.observe({ type: "layout-shift", buffered: false });
    const started = performance.now();
    for (let i = 0; i < pieces.length; i += 1) {
        say({ kind: "delta", channel: "answer", text: pieces[i] });
        const due = started + (i + 1) * everyMs;
        if (performance.now() < due) await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
    }
    const usage = { promptTokens: 1, cachedTokens: 0, completionTokens: pieces.length, reasoningTokens: 0,
        firstTokenMs: 1, queuedMs: 0, tokensPerSecond: 200, memoryBytes: 1 };
    say({ kind: "done", reason: "stop", usage });
    await new Promise(requestAnimationFrame);
    count(watch.takeRecords());
    return moved;
}"""


def stream(chat: Page, text: str, every_ms: int) -> float:
    """Has a text come as an answer; how far things moved."""
    chat.evaluate(HOLD)
    chat.get_by_role("textbox", name="Message").fill("Say something long.")
    chat.keyboard.press("Enter")
    chat.wait_for_function("() => window.say !== undefined")
    moved: float = chat.evaluate(STREAM, {"pieces": cut(text, random.Random(2)), "everyMs": every_ms})
    expect(chat.locator("body")).to_have_attribute("data-state", "ready")
    return moved


def test_nothing_moves_while_an_answer_comes_at_200_tokens_a_second(chat: Page) -> None:
    stream(chat, "$x$\n\n```c\n", 0)  # the scripts for formulas and colours are here from now on
    assert stream(chat, DOCUMENT, 5) < 0.001  # a word may be shaped anew as it gets longer
    expect(chat.locator(".answer table").last).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(chat: Page, ask: Callable[[str], Locator], theme: str) -> None:
    chat.emulate_media(color_scheme="light" if theme == "light" else "dark", reduced_motion="reduce")
    found = serious(chat)
    stream(chat, DOCUMENT, 0)
    ask("What is 17 + 25?")
    found += serious(chat)
    if chat.locator("html").get_attribute("data-side") != "open":
        chat.get_by_role("button", name="List of chats").click()
    for name, dialog in [("Settings of this chat", "#settings"), ("demo", "#models")]:
        chat.get_by_role("button", name=name, exact=True).click()
        expect(chat.locator(dialog)).to_be_visible()
        found += serious(chat)
        chat.keyboard.press("Escape")
    chat.emulate_media(color_scheme="light")
    assert found == []


def test_a_model_is_told_of_and_can_be_deleted_from_the_device(chat: Page) -> None:
    chat.locator("#open-models").focus()
    chat.keyboard.press("Enter")
    sheet = chat.get_by_role("dialog", name="Models")
    expect(sheet.get_by_text("Runs here, in")).to_be_visible()
    expect(sheet.get_by_text("MB on this device ·")).to_be_visible()
    sheet.get_by_role("button", name="Delete demo from this device").click()
    expect(sheet.get_by_text("MB to download")).to_be_visible()
    expect(sheet.get_by_role("button", name="Delete demo from this device")).to_have_count(0)
    chat.keyboard.press("Escape")
    expect(chat.locator("#open-models")).to_be_focused()


def test_on_a_phone_the_list_of_chats_lies_over_the_page_until_it_is_closed(chat: Page) -> None:
    chat.set_viewport_size({"width": 390, "height": 844})
    toggle = chat.get_by_role("button", name="List of chats")
    expect(chat.locator("html")).to_have_attribute("data-side", "closed")  # it makes room by itself
    toggle.focus()
    chat.keyboard.press("Enter")
    expect(chat.get_by_role("searchbox")).to_be_focused()
    expect(chat.locator("#page")).to_have_attribute("inert", "")
    chat.keyboard.press("Escape")
    expect(toggle).to_be_focused()
    assert chat.evaluate("document.documentElement.scrollWidth") == 390
    chat.set_viewport_size({"width": 1280, "height": 720})
