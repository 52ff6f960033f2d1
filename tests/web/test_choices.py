"""The variant that was fastest on an adapter is remembered by the browser."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser

from tests.web.toy_site import ToySite, pages

LOAD = "windowseat.load('toy_rivals', {}).then((model) => model.variant)"
# Whatever was measured: the one that the trial turned down.
REWRITE = """async () => {
  const open = await new Promise((resolve, reject) => {
    const request = indexedDB.open("keyval-store");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const done = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
  const store = open.transaction("keyval", "readwrite").objectStore("keyval");
  const keys = await done(store.getAllKeys());
  const names = await done(store.getAll());
  for (const key of keys) await done(store.put("slow", key));
  open.close();
  return names;
}"""


def test_a_trial_takes_place_once_for_an_adapter(
    browser: Browser, toy_site: ToySite, serve: Callable[[Path], str]
) -> None:
    with pages(browser, serve(toy_site.folder)) as new_page:
        page = new_page()
        assert page.evaluate(LOAD) == "quick"
        assert page.evaluate(REWRITE) == ["quick"]
        assert page.evaluate(LOAD) == "slow"
