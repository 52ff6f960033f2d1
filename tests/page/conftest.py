"""Pages of the built site whose console must stay empty."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Frame, Locator, Page, Route, expect

ROOT = Path(__file__).parents[2]
BUILT_SITE = ROOT / "dist/site"
PATIENCE_MS = 60_000  # software adapters on two busy cores
ENGINE = "**/engine_worker-*.js"
# An engine that begins with this takes 10 ms more for each token: the demo model's longest answer would else be over
# before a busy machine gets to showing, and stopping, its beginning.
SLOW = """{
    const DELAY_MS = 10;
    const read = GPUBuffer.prototype.mapAsync;
    GPUBuffer.prototype.mapAsync = async function (...range) {
        await read.apply(this, range);
        await new Promise((resolve) => setTimeout(resolve, DELAY_MS));
    };
}
"""

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder that is served; what tests put there has an address at once."""
    return tmp_path_factory.mktemp("sites")


@pytest.fixture(scope="session")
def sites_url(sites: Path, serve: Callable[[Path], str]) -> str:
    """Address of `sites`."""
    return serve(sites)


@pytest.fixture
def copy_of_site(sites: Path, sites_url: str, request: pytest.FixtureRequest) -> Callable[[], tuple[Path, str]]:
    """Makes a copy of the built site, for the test to damage: its folder and its address."""

    def copy() -> tuple[Path, str]:
        folder = sites / request.node.name
        # Without the compressed twins, which would be served in place of what a test damages.
        twins = shutil.ignore_patterns("*.br", "*.gz")
        shutil.copytree(BUILT_SITE, folder, copy_function=shutil.copyfile, ignore=twins)
        return folder, f"{sites_url}{request.node.name}/"

    return copy


@pytest.fixture(scope="session")
def site_url(sites: Path, sites_url: str) -> str:
    """Address of the built site, which lies below the root of its server: nothing in it may depend on that."""
    assert (BUILT_SITE / "index.html").is_file(), f"{BUILT_SITE} is missing; build it first: make site"
    shutil.copytree(BUILT_SITE, sites / "some/where", copy_function=os.link)
    return f"{sites_url}some/where/"


@pytest.fixture
def page(browser: Browser, expected_console: list[str]) -> Iterator[Page]:
    """A page in a context of its own; an unexpected console message fails the test."""
    with watched_page(browser) as (page, console):
        yield page
    assert_as_expected(console, expected_console)


@pytest.fixture
def page_without_webgpu(browser_without_webgpu: Browser, expected_console: list[str]) -> Iterator[Page]:
    """The same where no adapter is found."""
    with watched_page(browser_without_webgpu) as (page, console):
        yield page
    assert_as_expected(console, expected_console)


@pytest.fixture(scope="session")
def loaded(browser: Browser, site_url: str) -> Iterator[tuple[Page, list[str]]]:
    """The chat page with its model, loaded once for all tests, and what its console says."""
    with watched_page(browser) as (page, console):
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        with at_a_walking_pace(page):
            page.goto(site_url)
            expect(page.locator("body")).to_have_attribute("data-state", "ready")
        yield page, console


@pytest.fixture
def chat(loaded: tuple[Page, list[str]], expected_console: list[str]) -> Iterator[Page]:
    """The chat page, ready for the first question of a chat."""
    page, console = loaded
    console.clear()
    page.get_by_role("button", name="New chat").click()
    expect(page.locator("body")).to_have_attribute("data-state", "ready")
    yield page
    assert_as_expected(console, expected_console)


@pytest.fixture
def ask(chat: Page) -> Callable[[str], Locator]:
    """Asks with the keyboard, waits for the end of the answer and returns its element."""

    def ask_and_wait(question: str) -> Locator:
        chat.get_by_role("textbox", name="Message").fill(question)
        chat.keyboard.press("Enter")
        expect(chat.locator("body")).to_have_attribute("data-state", "ready")
        return chat.get_by_test_id("reply").last

    return ask_and_wait


@pytest.fixture
def at_the_first_text(chat: Page) -> Callable[[str, str], None]:
    """Asks, and runs a script in the page once the answer has text: from Python it would come too late."""

    def ask_and_run(question: str, script: str) -> None:
        chat.evaluate(
            """() => {
                const observer = new MutationObserver(() => {
                    if (!document.querySelector("#unfinished [data-testid=reply]")?.textContent) return;
                    observer.disconnect();
                    SCRIPT;
                });
                observer.observe(document.body, { subtree: true, childList: true, characterData: true });
            }""".replace("SCRIPT", script)
        )
        chat.get_by_role("textbox", name="Message").fill(question)
        chat.keyboard.press("Enter")

    return ask_and_run


def open_without_weights(page: Page, site_url: str) -> list[Route]:
    """Opens the chat page up to where it waits for its weights; they come when the route in the list continues."""
    held: list[Route] = []
    page.route("**/weights-0000.bin", lambda route: held.append(route))
    with page.expect_request("**/weights-0000.bin"):
        page.goto(site_url)
    return held


@contextmanager
def at_a_walking_pace(page: Page, milliseconds: int = 10) -> Iterator[None]:
    """An engine that the page starts while the block runs is a slow one."""
    slowed: list[str] = []
    start = SLOW.replace("DELAY_MS = 10", f"DELAY_MS = {milliseconds}")

    def slow(route: Route) -> None:
        slowed.append(route.request.url)
        response = route.fetch()
        route.fulfill(response=response, body=start + response.text())

    page.route(ENGINE, slow)
    yield
    page.unroute(ENGINE, slow)
    assert slowed


@contextmanager
def watched_page(browser: Browser, locale: str = "en-US") -> Iterator[tuple[Page, list[str]]]:
    """A page and what its console says."""
    messages: list[str] = []
    with browser.new_context(reduced_motion="reduce", locale=locale) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        watch(page, messages)
        yield page, messages
        page.goto("about:blank")  # the worker ends here, not while Playwright closes the context


def watch(page: Page, messages: list[str]) -> None:
    """Adds what a page's console says to a list."""

    def note(message: str) -> None:
        print("console:", message)
        messages.append(message)

    def note_console(message: ConsoleMessage) -> None:
        note(f"{message.type}: {message.text} ({message.location['url']})")

    page.on("console", note_console)
    page.on("pageerror", lambda error: note(f"uncaught: {error}"))


def assert_as_expected(console: list[str], expected: list[str]) -> None:
    """Fails on a message that has none of the expected parts."""
    unexpected = [message for message in console if not any(part in message for part in expected)]
    assert not unexpected, "\n".join(unexpected)


def serious(page: Page | Frame) -> list[str]:
    """What axe-core finds that is serious or worse, on a page without its frames or in a frame."""
    page.evaluate((ROOT / "web/node_modules/axe-core/axe.min.js").read_text("utf-8") + "; 0")
    found: list[str] = page.evaluate(
        """async () => (await axe.run({ iframes: false, resultTypes: ["violations"] })).violations
            .filter(({ impact }) => impact === "serious" || impact === "critical")
            .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" ")}`)"""
    )
    return found
