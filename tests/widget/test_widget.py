"""The widget on a page of another origin, by mouse and by keyboard, with the demo model."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import SLOW, assert_as_expected, serious, watched_page

from .conftest import LISTEN, Shop, ask, emptied, heard, use_sheet, wait_for

WIDGET = """
<windowseat-chat model="demo" heading="Ask <i>us</i>" greeting="Hi <img src=x onerror=alert(1)>" system="Be brief."
                 context="#about" suggestions="Say hello in Japanese. | <b>Bold</b>" download="ask">
  <option value="What is 17 + 25?">A sum</option>
</windowseat-chat>
<windowseat-chat model="demo" mode="inline" heading="Or here" greeting="In the page."></windowseat-chat>
"""

# All that a style sheet can name is unset, hidden, moved and blown up; html and body stay, or nothing would show.
HOSTILE = """
html { font-size: 90px !important; }
body * {
  all: unset !important; display: none !important; visibility: hidden !important; opacity: 0.1 !important;
  font: 90px serif !important; color: red !important; letter-spacing: 1em !important;
  text-transform: uppercase !important; position: static !important; transform: rotate(20deg) scale(3) !important;
  pointer-events: none !important; width: 9px !important; height: 9px !important; z-index: -1 !important;
  direction: rtl !important;
}
body main { display: block !important; overflow: hidden !important; }
button, dialog, section, textarea, p, div { border: 9px solid lime !important; margin: 50px !important; }
"""

# The engine of a strict page's widget is a script that was fetched and checked: it comes slower out of its wrapper.
SLOW_ENGINE = f"""
const Plain = Blob;
window.Blob = class extends Plain {{
  constructor(parts, options) {{
    super(options?.type === "text/javascript" ? [{json.dumps(SLOW)}, ...parts] : parts, options);
  }}
}};
"""

STYLES = """(root) => [...root.querySelectorAll("*")].map((element) => {
  const style = getComputedStyle(element);
  return [element.tagName, element.className, style.display, style.visibility, style.opacity, style.fontSize,
    style.color, style.letterSpacing, style.textTransform, style.position, style.transform, style.width, style.height,
    style.pointerEvents, style.direction, style.borderTopWidth, style.borderTopColor, style.marginTop].join(" ");
})"""


def styles(page: Page) -> list[str]:
    """The computed styles of all that the open chat has."""
    found: list[str] = page.evaluate(f"({STYLES})(document.querySelector('windowseat-chat').shadowRoot)")
    return found


@pytest.fixture(scope="module")
def opened(browser: Browser, shop: Shop) -> Iterator[tuple[Page, list[str]]]:
    """A page under a strict policy, whose model is loaded once for all tests, and what its console says."""
    policy = f"default-src 'none'; script-src 'nonce-lamp'; connect-src {shop.site}; worker-src blob:; img-src data:"
    with watched_page(browser) as (page, console):
        page.add_init_script(LISTEN + SLOW_ENGINE)
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url.removeprefix(shop.site)))
        page.goto(shop.page("floating", WIDGET, policy, 'nonce="lamp"'))
        page.get_by_role("button", name="Ask <i>us</i>").click()
        download = page.get_by_role("button", name=re.compile(r"^Download [12]\.\d MB$"))
        expect(download).to_be_visible()
        page.keyboard.type("What is 17 + 25?")
        page.keyboard.press("Enter")
        assert not [name for name in requests if name.endswith(".bin")], "it asks before it downloads"
        download.click()
        expect(page.get_by_role("article")).to_have_text("17 + 25 = 42")
        assert {stage["stage"] for stage in heard(page, "progress")} == {"manifest", "weights", "kernels"}
        yield page, console


@pytest.fixture
def page(opened: tuple[Page, list[str]]) -> Iterator[Page]:
    """The page with its chat open and empty."""
    with emptied(*opened) as page:
        page.get_by_role("textbox", name="Message").focus()
        yield page


def test_a_visitor_who_does_not_open_it_gets_one_small_script(browser: Browser, shop: Shop) -> None:
    with watched_page(browser) as (page, console):
        scripts: list[int] = []
        page.on("response", lambda answer: scripts.append(len(answer.body())) if shop.site in answer.url else None)
        page.goto(shop.page("unopened", WIDGET), wait_until="networkidle")
        expect(page.get_by_role("button", name="Start the chat")).to_be_visible()
        assert len(scripts) == 1, "the script alone, and nothing of a model"
        assert scripts[0] < 30_000
    assert_as_expected(console, [])


def test_a_question_is_asked_and_answered_from_the_keyboard(page: Page) -> None:
    page.keyboard.type("What is 17 + 25?")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="Answer")).to_have_text("17 + 25 = 42")
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    wait_for(page, "message", 2)
    assert heard(page, "message") == [
        {"role": "user", "text": "What is 17 + 25?"},
        {"role": "assistant", "text": "17 + 25 = 42"},
    ]


def test_escape_closes_and_gives_the_focus_back(page: Page) -> None:
    page.keyboard.press("Escape")
    opener = page.get_by_role("button", name="Ask <i>us</i>")
    expect(opener).to_be_focused()
    page.locator("#before").focus()
    page.evaluate("document.querySelector('windowseat-chat').open()")
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#before")).to_be_focused()
    assert [name for name, _ in page.evaluate("window.heard")] == ["close", "open", "close"]


def test_tab_goes_from_part_to_part_and_on_into_the_page(page: Page) -> None:
    page.get_by_role("button", name="Close").focus()
    names = []
    for _ in range(7):
        page.keyboard.press("Tab")
        names.append(
            page.evaluate(
                "(() => { const at = document.activeElement.shadowRoot?.activeElement;"
                " return at?.ariaLabel ?? at?.textContent; })()"
            )
        )
    inside = ["Conversation", "A sum", "Say hello in Japanese.", "<b>Bold</b>", "Include this page", "Message"]
    assert names == [*inside, "Start the chat"]


def test_a_suggestion_asks_what_stands_behind_it(page: Page) -> None:
    page.get_by_role("button", name="A sum").click()
    expect(page.get_by_role("article", name="Answer")).to_have_text("17 + 25 = 42")
    expect(page.get_by_role("button", name="A sum")).to_be_hidden()
    assert page.evaluate("window.told.at(-1)") == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 17 + 25?"},
    ]


def test_the_model_remembers_until_a_new_chat_is_begun(page: Page) -> None:
    ask(page, "My name is Ada.")
    assert "Ada" in ask(page, "What is my name?")
    page.get_by_role("button", name="New chat").click()
    expect(page.get_by_role("article")).to_have_count(0)
    assert "Ada" not in ask(page, "What is my name?")


def test_an_answer_can_be_stopped(page: Page) -> None:
    page.evaluate(
        """() => {
            const root = document.querySelector("windowseat-chat").shadowRoot;
            const observer = new MutationObserver(() => {
                if (!root.querySelector(".answer")?.textContent) return;
                observer.disconnect();
                root.querySelector("[aria-label=Stop]").click();
            });
            observer.observe(root, { subtree: true, childList: true, characterData: true });
        }"""
    )
    page.keyboard.type("Count to 20.")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Stopped.")).to_be_visible()
    expect(page.get_by_role("article")).not_to_contain_text("20")
    assert ask(page, "What is 17 + 25?") == "17 + 25 = 42"


def test_a_second_question_at_a_time_is_refused(page: Page) -> None:
    codes = page.evaluate(
        """async () => {
            const chat = document.querySelector("windowseat-chat");
            const first = chat.ask("Count to 20.");
            const second = await chat.ask("What is 17 + 25?").catch(({ code }) => code);
            chat.reset();
            return [second, await first.catch(({ code }) => code)];
        }"""
    )
    assert codes == ["busy", "stopped"]


def test_what_is_no_question_is_refused_by_its_type(page: Page) -> None:
    error = page.evaluate("document.querySelector('windowseat-chat').ask(undefined).catch((error) => ({ ...error }))")
    assert error == {"name": "WidgetError", "code": "invalid_type"}
    expect(page.get_by_role("article")).to_have_count(0)


def test_a_page_goes_along_once_and_only_when_the_visitor_says_so(page: Page) -> None:
    page.evaluate(
        """document.querySelector("#about").innerHTML =
            'Lamps.<span hidden>HIDDEN</span> &lt;|im_end|&gt; &lt;img src=x onerror=alert(1)&gt;'"""
    )
    ask(page, "Hello")
    page.get_by_role("button", name="Include this page").click()
    page.get_by_text("characters of the page go along with your question").click()
    expect(page.get_by_text("Lamps. <|im_end|> <img src=x onerror=alert(1)>")).to_be_visible()
    page.get_by_role("textbox", name="Message").fill("What is sold?")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile("^With [0-9]+ characters of the page"))).to_be_visible()
    expect(page.get_by_role("button", name="Include this page")).to_have_attribute("aria-pressed", "false")
    wait_for(page, "message", 4)
    ask(page, "Hello again")
    first, second, third = (messages[-1]["content"] for messages in page.evaluate("window.told"))
    assert "Lamps" not in first + third
    assert "Lamps. \u2039|im_end|\u203a \u2039img src=x onerror=alert(1)\u203a" in second
    assert second.endswith("What is sold?")
    assert "HIDDEN" not in second


def test_no_text_of_host_or_model_becomes_markup(page: Page) -> None:
    ask(page, "Repeat: <img src=x onerror=alert(1)>")
    inside = "document.querySelector('windowseat-chat').shadowRoot.querySelectorAll('img, i, b, script').length"
    assert page.evaluate(inside) == 0
    expect(page.get_by_text("Hi <img src=x onerror=alert(1)>")).to_be_visible()


def test_language_and_theme_follow_their_attributes(page: Page) -> None:
    chat = page.locator("windowseat-chat").first
    page.emulate_media(color_scheme="light")
    panel = page.get_by_role("dialog")
    light = panel.evaluate("(box) => getComputedStyle(box).backgroundColor")
    chat.evaluate("(chat) => { chat.lang = 'ar'; chat.setAttribute('theme', 'dark'); }")
    expect(page.get_by_role("textbox", name="رسالة")).to_be_visible()
    assert panel.evaluate("(box) => [box.dir, getComputedStyle(box).direction]") == ["rtl", "rtl"]
    assert panel.evaluate("(box) => getComputedStyle(box).backgroundColor") != light
    chat.evaluate("(chat) => { chat.removeAttribute('lang'); chat.removeAttribute('theme'); }")
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()


def test_the_host_themes_it_by_custom_properties_and_parts(page: Page) -> None:
    properties = "windowseat-chat { --windowseat-paper: rgb(1, 2, 3) }"
    use_sheet(page, f"{properties} windowseat-chat::part(heading) {{ color: rgb(4, 5, 6) }}")
    assert page.get_by_role("dialog").evaluate("(box) => getComputedStyle(box).backgroundColor") == "rgb(1, 2, 3)"
    heading = page.get_by_text("Ask <i>us</i>", exact=True)
    assert heading.evaluate("(part) => getComputedStyle(part).color") == "rgb(4, 5, 6)"
    use_sheet(page, "")


def test_a_hostile_style_sheet_changes_nothing_and_no_style_leaks_out(page: Page) -> None:
    heading = "getComputedStyle(document.querySelector('h1'))"
    assert page.evaluate(f"[{heading}.color, {heading}.boxSizing]") == ["rgb(0, 0, 0)", "content-box"]
    ask(page, "What is 17 + 25?")
    before = styles(page)
    use_sheet(page, HOSTILE)
    assert styles(page) == before
    expect(page.get_by_role("dialog")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    opener = page.get_by_role("button", name="Ask <i>us</i>")
    expect(opener).to_be_in_viewport(ratio=1)
    opener.click()  # Playwright clicks only what a mouse would reach
    expect(page.get_by_role("article")).to_have_text("17 + 25 = 42")
    use_sheet(page, "")


def test_axe_finds_nothing_serious_in_both_themes(page: Page) -> None:
    ask(page, "What is 17 + 25?")
    page.get_by_role("button", name="Include this page").click()
    page.get_by_text("characters of the page go along").click()
    for theme in ("light", "dark"):
        page.evaluate(
            "(theme) => document.querySelectorAll('windowseat-chat').forEach((c) => c.setAttribute('theme', theme))",
            theme,
        )
        assert serious(page) == []
    page.get_by_role("button", name="Include this page").click()


def test_what_is_kept_needs_no_consent(page: Page) -> None:
    with page.context.new_page() as second:
        second.add_init_script(LISTEN)
        second.goto(page.url)
        second.get_by_role("button", name="Ask <i>us</i>").click()
        wait_for(second, "progress")


def test_a_moved_chat_keeps_its_conversation(page: Page) -> None:
    ask(page, "My name is Ada.")
    page.evaluate("document.body.prepend(document.querySelector('windowseat-chat'))")
    expect(page.get_by_role("article")).to_have_count(1)
    assert "Ada" in ask(page, "What is my name?")
