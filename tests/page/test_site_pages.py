"""The pages beside the chat: what they do, for the keyboard and for axe-core, and what a policy keeps out."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import assert_as_expected, serious, watched_page

PAGES = ("examples.html", "will_it_run.html", "widget.html", "404.html")


@pytest.fixture(scope="module")
def gallery(browser: Browser, site_url: str) -> Iterator[Page]:
    """The gallery, whose model is loaded by the first example and stays for the others."""
    with watched_page(browser) as (page, console):
        page.goto(f"{site_url}examples.html")
        yield page
    assert_as_expected(console, [])


@pytest.mark.parametrize(
    ("title", "action", "said"),
    [
        (
            "Summarise",
            "Summarise",
            "I am a tiny demo model and cannot help with that. Ask me to add, count or say hello.",
        ),
        ("Translate", "Translate", "こんにちは\uff01"),
        ("Extract JSON", "Extract", '{\n  "name": "Ada",\n  "age": 36,\n  "city": "London"\n}'),
        ("Call a tool", "Ask", 'get_weather({"city": "Paris"})\n\nIt is 18 degrees and sunny in Paris.'),
    ],
)
def test_every_example_runs_and_shows_its_code(gallery: Page, title: str, action: str, said: str) -> None:
    example = gallery.get_by_role("region", name=title)
    example.get_by_role("button", name=action).focus()
    gallery.keyboard.press("Enter")
    expect(example.get_by_label("What the model says")).to_have_text(said, use_inner_text=True)
    expect(example.get_by_role("button", name=action)).to_be_enabled()
    example.get_by_text("The code").click()
    expect(example.locator("pre")).to_contain_text("engine.chat.completions.create(")


def test_what_is_extracted_holds_to_its_schema_whatever_goes_in(gallery: Page) -> None:
    example = gallery.get_by_role("region", name="Extract JSON")
    example.get_by_role("textbox").fill("name Tom and pet dog")
    example.get_by_role("button", name="Extract").click()
    expect(example.get_by_label("What the model says")).to_contain_text('"name": "Tom"')
    found = json.loads(example.get_by_label("What the model says").inner_text())
    assert list(found) == ["name", "age", "city"]
    example.get_by_role("textbox").fill("name Ada, age 36 and city London")  # as it was


def test_a_device_that_runs_models_is_told_what_it_offers(page: Page, site_url: str) -> None:
    page.goto(f"{site_url}will_it_run.html")
    expect(page.locator("#verdict")).to_contain_text("Yes: it runs here.")
    expect(page.get_by_role("listitem").filter(has_text="demo")).to_contain_text("Runs here, in")
    values = page.locator("[data-fact]").all_text_contents()
    assert values[0] == "Here"
    assert "…" not in values


def test_a_browser_without_a_graphics_adapter_is_told_what_to_do(
    page_without_webgpu: Page, site_url: str, expected_console: list[str]
) -> None:
    expected_console.append("No available adapters")
    page_without_webgpu.goto(f"{site_url}will_it_run.html")
    expect(page_without_webgpu.locator("#verdict")).to_contain_text("No: this browser has WebGPU, but no graphics")
    expect(page_without_webgpu.get_by_role("listitem").filter(has_text="demo")).to_contain_text("WebGPU finds no")


def test_the_keyboard_reaches_the_content_and_every_page(page: Page, site_url: str) -> None:
    page.goto(f"{site_url}examples.html")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Model", exact=True)).to_be_focused()
    page.get_by_role("link", name="Will it run here?").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Will it run here?")
    expect(page.get_by_role("link", name="Will it run here?")).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious_and_a_phone_shows_it_whole(page: Page, site_url: str, name: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{site_url}{name}")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert serious(page) == [], scheme
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_script_inside_a_page_does_not_run(page: Page, site_url: str, expected_console: list[str]) -> None:
    page.goto(f"{site_url}will_it_run.html")
    expected_console.append("Content Security Policy")
    ran = """() => {
      const script = document.createElement("script");
      script.textContent = "globalThis.ran = true";
      document.head.append(script);
      return globalThis.ran ?? false;
    }"""
    with page.expect_console_message(lambda message: "Content Security Policy" in message.text):
        assert page.evaluate(ran) is False


def test_the_widget_page_runs_the_html_that_it_shows(page: Page, site_url: str) -> None:
    page.goto(f"{site_url}widget.html")
    expect(page.get_by_label("HTML").first).to_contain_text('<windowseat-chat model="demo" mode="inline" frame')
    page.get_by_role("button", name="Start the chat").click()
    frame = page.frame_locator("windowseat-chat[frame] iframe")
    frame.get_by_role("button", name="What is 17 + 25?").click()
    expect(frame.get_by_text("42")).to_be_visible(timeout=60_000)
