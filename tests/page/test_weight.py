"""What a first visit to the chat page costs before there is a model."""

from urllib.parse import urlsplit

from playwright.sync_api import Page, Response

PAINTED = "() => performance.getEntriesByName('first-contentful-paint').length > 0"
MOST = 100_000  # bytes


def test_the_first_paint_of_the_chat_page_takes_at_most_100_kb(page: Page, site_url: str) -> None:
    answered: list[Response] = []
    page.on("response", lambda response: answered.append(response))
    # The model is another matter: visitors are told its size.
    page.route("**/models/**", lambda route: route.abort("aborted"))
    page.goto(site_url, wait_until="load")
    page.wait_for_function(PAINTED)
    # Everything the page itself is made of, whether the paint needs it or not; the engine comes with the model.
    of_page = [response for response in answered if "engine_worker" not in response.url]
    sizes = {urlsplit(response.url).path: response.request.sizes() for response in of_page}
    bytes_of = {path: size["responseBodySize"] + size["responseHeadersSize"] for path, size in sizes.items()}
    print(bytes_of)
    assert 0 < sum(bytes_of.values()) <= MOST
