"""The second visit: the model is in the browser already."""

from playwright.sync_api import Page, Route, expect


def test_a_second_visit_needs_nothing_of_the_model_from_the_network(
    page: Page, site_url: str, expected_console: list[str]
) -> None:
    page.goto(site_url)
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    expected_console.append("ERR_INTERNET_DISCONNECTED")
    asked: list[str] = []

    def disconnect(route: Route) -> None:
        asked.append(route.request.url.rpartition("/")[2])
        route.abort("internetdisconnected")

    page.context.route("**/models/**", disconnect)
    page.reload()
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    page.get_by_role("textbox", name="Message").fill("What is 17 + 25?")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("reply")).to_have_text("17 + 25 = 42")
    assert asked == ["bundle.json"]
