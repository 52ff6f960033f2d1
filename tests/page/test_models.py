"""The models of a site: what is offered before anything large is fetched, and what the page says of each."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

PAGE_DATA = re.compile(r'(<script type="application/json" id="page-data">)(.*?)(</script>)', re.DOTALL)


@pytest.fixture
def offering(page: Page, copy_of_site: Callable[[], tuple[Path, str]]) -> Callable[..., Page]:
    """Opens the chat of a site that offers the demo under other names, with these changes."""

    def open_it(**changes: Callable[[dict[str, Any]], dict[str, Any]]) -> Page:
        folder, url = copy_of_site()
        index = folder / "index.html"
        html = index.read_text("utf-8")
        found = PAGE_DATA.search(html)
        assert found is not None
        data = json.loads(found[2])
        (demo,) = data["models"]
        models = [{**demo, "name": name, "label": name, **change(demo)} for name, change in changes.items()]
        written = json.dumps({**data, "models": models})
        index.write_text(html.replace(found[0], f"{found[1]}{written}{found[3]}"), "utf-8")
        page.goto(url)
        return page

    return open_it


def needing(demo: dict[str, Any], **changes: object) -> dict[str, Any]:
    """Every variant of the demo, with other needs."""
    return {"variants": [{**variant, **changes} for variant in demo["variants"]]}


def test_a_large_model_waits_until_it_is_asked_for(offering: Callable[..., Page]) -> None:
    page = offering(large=lambda _: {"bytes": 400_000_000})
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    offer = page.get_by_role("button", name="Download large (400 MB) and start")
    expect(offer).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_be_disabled()
    page.get_by_role("textbox", name="Message").fill("What is 17 + 25?")
    assert [url for url in requests if url.endswith(".bin")] == []
    offer.focus()
    page.keyboard.press("Enter")
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("reply")).to_have_text("17 + 25 = 42")


def test_each_model_says_whether_it_runs_here(offering: Callable[..., Page]) -> None:
    page = offering(
        large=lambda _: {"bytes": 400_000_000},
        hungry=lambda demo: needing(demo, memory={"weights": 200_000_000_000, "fixed": 0, "per_position": 0}),
        choosy=lambda demo: needing(demo, limits={"maxStorageBuffersPerShaderStage": 1000}),
        broad=lambda demo: needing(demo, limits={"maxStorageBufferBindingSize": 2**50}),
        roomy=lambda _: {"bytes": 4_000_000_000_000_000},
    )
    page.locator("#open-models").focus()
    page.keyboard.press("Enter")
    sheet = page.get_by_role("dialog", name="Models")

    def says(name: str, sentence: str) -> None:
        heading = page.get_by_role("heading", name=name, exact=True)
        expect(sheet.get_by_role("listitem").filter(has=heading)).to_contain_text(sentence)

    says("large", "Runs here, in")
    says("large", "400 MB to download")
    says("hungry", "May run here, but takes 200 GB of memory")
    says("choosy", "the graphics card or the browser has too little of this: maxStorageBuffersPerShaderStage.")
    says("broad", "the graphics card or the browser has too little of this: Largest binding.")
    says("roomy", "Runs here, but cannot be kept")
    expect(sheet.get_by_role("button", name="Download: choosy")).to_be_disabled()
    expect(sheet.get_by_role("button", name="Download: hungry")).to_be_enabled()


def test_a_question_waits_for_a_large_model_to_be_asked_for(offering: Callable[..., Page]) -> None:
    page = offering(large=lambda _: {"bytes": 400_000_000})
    expect(page.get_by_role("button", name="Download large (400 MB) and start")).to_be_visible()
    page.get_by_role("textbox", name="Message").fill("What is 17 + 25?")
    page.keyboard.press("Enter")
    notice = page.locator("#notice")
    expect(notice).to_contain_text("Your question is asked once the model is downloaded.")
    notice.get_by_role("button", name="Download").click()
    expect(page.get_by_test_id("reply")).to_have_text("17 + 25 = 42")


def test_a_model_is_in_use_only_once_it_is_loaded(offering: Callable[..., Page]) -> None:
    page = offering(large=lambda _: {"bytes": 400_000_000})
    page.locator("#open-models").click()
    sheet = page.get_by_role("dialog", name="Models")
    expect(sheet).to_contain_text("Chosen")
    sheet.get_by_role("button", name="Download: large").click()
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    expect(page.locator("#model")).to_contain_text("large: ")
    page.locator("#open-models").click()
    expect(sheet.get_by_role("button", name="In use: large")).to_be_disabled()


def test_a_model_that_did_not_load_can_be_tried_again_where_it_is_chosen(
    page: Page, site_url: str, expected_console: list[str]
) -> None:
    expected_console.append("net::ERR_ABORTED")
    page.route("**/weights-0000.bin", lambda route: route.abort("aborted"))
    page.goto(site_url)
    expect(page.locator("body")).to_have_attribute("data-state", "failed")
    page.unroute("**/weights-0000.bin")
    page.locator("#open-models").click()
    page.get_by_role("dialog", name="Models").get_by_role("button", name="Try again: demo").click()
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
