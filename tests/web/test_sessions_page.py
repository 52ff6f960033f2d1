"""Sessions in a page: what was saved goes on after a reload, and two models answer side by side."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.web.toy_site import EXPECTED, PROMPT, ToySite, pages

START = """async () => {
  const { Windowseat } = await import("./index.js");
  const open = () => new Promise((resolve, reject) => {
    const request = indexedDB.open("chats", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("states");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const use = async (mode, step) => {
    const states = (await open()).transaction("states", mode).objectStore("states");
    const request = step(states);
    return await new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
  };
  const goOn = async (session, prompt, max_tokens = 12) => {
    const { choices, usage } = await session.completions.create({ prompt, max_tokens, temperature: 0 });
    return { text: choices[0].text, cached: usage.prompt_tokens_details.cached_tokens };
  };
  const toy = await Windowseat.load("toy/");
  Object.assign(window, { Windowseat, use, goOn, toy });
}"""

SAVE = """async (prompt) => {
  const session = toy.session();
  await goOn(session, prompt);
  const bytes = await session.save();
  await use("readwrite", (states) => states.put(bytes, "chat"));
}"""

RESTORE = """async ([prompt, next]) => {
  const session = await toy.restore(await use("readonly", (states) => states.get("chat")));
  return { resumed: await goOn(session, next), afresh: await goOn(toy.session(), next) };
}"""

REFUSE = """async () => {
  const bytes = await use("readonly", (states) => states.get("chat"));
  bytes[bytes.length - 20] += 1;
  const refused = await toy.restore(bytes).catch(({ param, code }) => [param, code]);
  return [refused, (await goOn(toy, [1, 2], 3)).cached];
}"""

SIDE_BY_SIDE = """async (prompt) => {
  const other = await Windowseat.load("other_toy/");
  const alone = [await goOn(toy, prompt), await goOn(other, prompt)];
  const together = await Promise.all([goOn(toy, prompt), goOn(other, prompt)]);
  other.close();
  return { alone: alone.map(({ text }) => text), together: together.map(({ text }) => text) };
}"""


@pytest.fixture(scope="module")
def page(browser: Browser, package_site: ToySite, serve: Callable[[Path], str]) -> Iterator[Page]:
    with pages(browser, serve(package_site.folder)) as new_page:
        opened = new_page()
        opened.evaluate(START)
        yield opened


def test_a_conversation_goes_on_after_a_reload_with_nothing_to_read_again(page: Page, package_site: ToySite) -> None:
    page.evaluate(SAVE, PROMPT)
    page.reload()
    page.evaluate(START)
    after = page.evaluate(RESTORE, [PROMPT, [*PROMPT, *package_site.ids, 1, 2, 3]])
    assert after["resumed"]["text"] == after["afresh"]["text"] != ""
    # All that was read before: the last token of an answer is made, and not read.
    assert after["resumed"]["cached"] == len(PROMPT) + EXPECTED - 1
    assert after["afresh"]["cached"] == 0
    assert page.evaluate(REFUSE) == [["bytes", "invalid_value"], 0]


def test_two_models_answer_side_by_side(page: Page, package_site: ToySite) -> None:
    heard = page.evaluate(SIDE_BY_SIDE, PROMPT)
    assert heard["together"] == heard["alone"]
    assert heard["alone"][0] != heard["alone"][1]
