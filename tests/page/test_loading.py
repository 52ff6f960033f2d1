"""The second visit: the conversation and the model are in the browser already."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

# Counts how often the browser is asked to keep what is stored.
COUNT = """
window.asked = 0;
if (navigator.storage) {  // the empty page before has none
  navigator.storage.persisted = async () => false;
  navigator.storage.persist = async () => { window.asked += 1; return true; };
}
"""
# As Firefox does, which asks a person.
ASKS_SOMEBODY = """
delete Navigator.prototype.userAgentData;
navigator.permissions.query = async () => ({ state: "prompt" });
"""


@pytest.mark.parametrize(("browser_does", "asked"), [("", 1), (ASKS_SOMEBODY, 0)])
def test_the_browser_is_asked_to_keep_the_model_where_that_asks_nobody(
    page: Page, site_url: str, browser_does: str, asked: int
) -> None:
    page.add_init_script(COUNT + browser_does)
    page.goto(site_url)
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    assert page.evaluate("asked") == asked


def test_a_second_visit_has_the_conversation_and_needs_nothing_of_the_model_from_the_network(
    chat: Page, site_url: str, ask: Callable[[str], Locator], expected_console: list[str]
) -> None:
    ask("My name is Ada.")
    expected_console.append("ERR_INTERNET_DISCONNECTED")
    hosts: set[str] = set()
    chat.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    asked: list[str] = []

    def disconnect(route: Route) -> None:
        asked.append(route.request.url.rpartition("/")[2])
        route.abort("internetdisconnected")

    chat.context.route("**/models/**", disconnect)
    chat.reload()
    expect(chat.locator(".question")).to_have_text("My name is Ada.")
    expect(chat.locator("body")).to_have_attribute("data-state", "ready")
    expect(ask("What is my name?")).to_contain_text("Ada")
    chat.context.unroute("**/models/**", disconnect)
    assert asked == ["bundle.json"]
    assert hosts == {site_url.split("/")[2]}, "nothing is asked of another host"
