"""The site as an app: it opens without a network, and a new version waits until it is asked for."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from windowseat.site_builder import server

from tests.conftest import served
from tests.page.conftest import BUILT_SITE, assert_as_expected, open_without_weights, watched_page

CONTROLLED = "() => navigator.serviceWorker.controller !== null"


def test_after_one_visit_site_and_model_work_with_the_network_off(browser: Browser) -> None:
    with watched_page(browser) as (page, console):
        with served(server.application(BUILT_SITE)) as url:
            page.goto(url)
            expect(page.locator("body")).to_have_attribute("data-state", "ready")
            page.wait_for_function(CONTROLLED)
        # The server is gone, and the browser knows that it has no network.
        page.context.set_offline(True)
        page.reload()
        expect(page.locator("body")).to_have_attribute("data-state", "ready")
        page.get_by_role("textbox", name="Message").fill("What is 17 + 25?")
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("reply")).to_have_text("17 + 25 = 42")
    assert_as_expected(console, ["bundle.json"])


def test_the_rest_of_the_site_is_fetched_once_the_model_is_there(page: Page, site_url: str) -> None:
    held = open_without_weights(page, site_url)
    page.wait_for_load_state()
    assert page.evaluate("navigator.serviceWorker.getRegistrations().then((all) => all.length)") == 0
    held.pop().continue_()
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    page.wait_for_function(CONTROLLED)


def test_a_browser_that_refuses_to_keep_the_site_shows_it_all_the_same(page: Page, site_url: str) -> None:
    page.add_init_script(
        """if (navigator.serviceWorker) navigator.serviceWorker.register = () => {
            window.asked = true;
            return Promise.reject(new DOMException("refused", "SecurityError"));
        }"""
    )
    page.goto(site_url)
    page.wait_for_function("() => window.asked")


@pytest.fixture(scope="module")
def updated(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Page, Callable[[], None]]]:
    """A page of the chat that is kept, and what puts a new version of the site on its host."""
    folder = tmp_path_factory.mktemp("updated") / "site"
    shutil.copytree(BUILT_SITE, folder, ignore=shutil.ignore_patterns("*.br", "*.gz"))

    def update() -> None:
        replace(folder / "index.html", "</title>", ", the new version</title>")
        replace(folder / "offline_worker.js", '{"version": "', '{"version": "next-')

    with watched_page(browser) as (page, console):
        with served(server.application(folder)) as url:
            page.goto(url)
            page.wait_for_function(CONTROLLED)
            yield page, update
        page.goto("about:blank")
    assert_as_expected(console, [])


def replace(path: Path, old: str, new: str) -> None:
    """Changes a file of the site in one place."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_a_new_version_is_offered_and_never_forced(updated: tuple[Page, Callable[[], None]]) -> None:
    page, update = updated
    offer = page.get_by_role("status").filter(has_text="A new version is here.")
    expect(offer).to_be_hidden()
    update()
    page.evaluate("navigator.serviceWorker.ready.then((registration) => registration.update())")
    expect(offer).to_be_visible()
    page.get_by_role("button", name="Later").click()
    expect(offer).to_be_hidden()
    page.reload()
    # The visit goes on with the version that it began with, until the visitor says otherwise.
    expect(page).to_have_title("Windowseat")
    expect(offer).to_be_visible()
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    page.get_by_role("button", name="Reload").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_title("Windowseat, the new version")
    expect(offer).to_be_hidden()
