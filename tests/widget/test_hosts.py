"""The widget on hosts that make it hard: strict policies, phones, no WebGPU, models that are not there."""

import base64
import hashlib
import re
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import assert_as_expected, watched_page

from .conftest import LISTEN, Shop, heard, wait_for

CHAT = '<windowseat-chat model="demo" heading="Ask us" {more}></windowseat-chat>'


def test_a_policy_that_knows_the_script_by_its_hash_is_enough(open_page: Callable[[str], Page], shop: Shop) -> None:
    with urllib.request.urlopen(f"{shop.site}widget.js") as response:
        digest = "sha384-" + base64.b64encode(hashlib.sha384(response.read()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src '{digest}' 'strict-dynamic'; connect-src {shop.site}; worker-src blob:; "
        "img-src data:"
    )
    script = f'integrity="{digest}" crossorigin="anonymous"'
    page = open_page(shop.page("hashed", CHAT.format(more=""), policy, script))
    page.get_by_role("button", name="Ask us").click()
    wait_for(page, "progress")
    assert page.get_by_role("dialog").evaluate("(box) => getComputedStyle(box).position") == "fixed", (
        "it has its styles"
    )


@pytest.mark.parametrize(
    ("policy", "needed"),
    [("connect-src {site}", "allow blob: in worker-src"), ("worker-src blob:", "allow {site} in connect-src")],
)
def test_a_policy_that_lacks_something_is_told_what(
    open_page: Callable[[str], Page], shop: Shop, expected_console: list[str], policy: str, needed: str
) -> None:
    expected_console.append("Content Security Policy")
    site = shop.site.rstrip("/")
    rest = f"default-src 'none'; script-src {site}; img-src data:"
    page = open_page(shop.page("lacking", CHAT.format(more=""), f"{rest}; {policy.format(site=site)}"))
    page.get_by_role("button", name="Ask us").click()
    expect(page.get_by_role("alert")).to_be_visible()
    (error,) = heard(page, "error")
    assert error["code"] == "unavailable"
    assert needed.format(site=site) in error["message"]


def test_a_page_of_the_site_itself_needs_its_own_workers(
    open_page: Callable[[str], Page], shop: Shop, expected_console: list[str]
) -> None:
    expected_console.append("Content Security Policy")
    page = open_page(shop.page("elsewhere", CHAT.format(more="")))
    policy = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src data:; worker-src"
    for name, workers in (("strange_workers", "blob:"), ("own_workers", "'self'")):
        shop.page(name, CHAT.format(more='download="ask"'), f"{policy} {workers}")
        page.route(
            f"{shop.site}{name}.html", lambda route: route.fulfill(path=shop.folder / Path(route.request.url).name)
        )
    page.goto(f"{shop.site}strange_workers.html")
    page.get_by_role("button", name="Ask us").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert "allow 'self' in worker-src" in heard(page, "error")[0]["message"]
    page.goto(f"{shop.site}own_workers.html")
    page.get_by_role("button", name="Ask us").click()
    expect(page.get_by_role("button", name="Download")).to_be_visible()


def test_a_browser_without_webgpu_is_told_in_one_sentence(browser_without_webgpu: Browser, shop: Shop) -> None:
    with watched_page(browser_without_webgpu) as (page, console):
        page.add_init_script(LISTEN)
        page.goto(shop.page("no_gpu", CHAT.format(more='download="ask"')))
        page.get_by_role("button", name="Ask us").click()
        expect(page.get_by_role("alert")).to_have_text(
            re.compile(r"^(This browser has no WebGPU|The browser finds no graphics card)[^.]+\.")
        )
        assert heard(page, "error")[0]["code"] in ("no_webgpu", "no_adapter")
        page.get_by_role("textbox", name="Message").fill("Hello")
    assert_as_expected(console, ["No available adapters"])


def test_a_model_that_is_not_there_is_an_error_and_another_one_can_be_named(
    open_page: Callable[[str], Page], shop: Shop, expected_console: list[str]
) -> None:
    expected_console.append("404")
    page = open_page(shop.page("no_model", '<windowseat-chat model="nothing" heading="Ask us"></windowseat-chat>'))
    refused = page.evaluate("document.querySelector('windowseat-chat').ask('Hello').catch(({ code }) => code)")
    assert refused == "missing_file"
    expect(page.get_by_role("alert")).to_contain_text("The model on this site is damaged")
    expect(page.get_by_role("textbox", name="Message")).to_have_value("Hello")
    page.evaluate("document.querySelector('windowseat-chat').setAttribute('model', 'demo')")
    wait_for(page, "progress")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_question_before_a_download_is_announced_and_its_button_loses_no_focus(
    open_page: Callable[[str], Page], shop: Shop
) -> None:
    page = open_page(shop.page("consent", CHAT.format(more='download="ask"')))
    page.get_by_role("button", name="Ask us").click()
    expect(page.get_by_role("status")).to_contain_text("the model is downloaded once")
    page.get_by_role("button", name="Download").press("Enter")
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    expect(page.get_by_text(re.compile("^(Looking at|Fetching) the model"))).to_have_attribute("aria-live", "off")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_trying_again_loses_no_focus(open_page: Callable[[str], Page], shop: Shop, expected_console: list[str]) -> None:
    expected_console.append("404")
    page = open_page(shop.page("again", '<windowseat-chat model="nothing" heading="Ask us"></windowseat-chat>'))
    page.get_by_role("button", name="Ask us").click()
    page.get_by_role("button", name="Try again").press("Enter")
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()


def test_a_panel_that_does_not_come_still_closes_on_escape(
    open_page: Callable[[str], Page], shop: Shop, expected_console: list[str]
) -> None:
    expected_console.append("ERR_FAILED")
    page = open_page(shop.page("lost", CHAT.format(more="")))
    page.route("**/assets/**", lambda route: route.abort())
    page.get_by_role("button", name="Ask us").click()
    page.get_by_role("button", name="Try again").press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_a_phone_shows_a_sheet_over_the_whole_screen(open_page: Callable[[str], Page], shop: Shop) -> None:
    page = open_page(shop.page("phone", CHAT.format(more='download="ask"')))
    page.set_viewport_size({"width": 390, "height": 720})
    page.get_by_role("button", name="Ask us").click()
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
    panel = page.get_by_role("dialog")
    assert panel.bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 720}
    assert panel.evaluate("(dialog) => dialog.matches(':modal')")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(page.get_by_role("button", name="Ask us")).to_be_focused()
