"""The variant that was fastest on an adapter is remembered by the browser."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser

from tests.web.toy_site import ToySite, pages

LOAD = "(bundle) => windowseat.load(bundle, {}).then((model) => model.variant)"
# Puts another variant in the place of whatever was kept, which it gives.
REWRITE = """async (name) => {
  const open = await new Promise((resolve, reject) => {
    const request = indexedDB.open("keyval-store");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const done = (request) => new Promise((resolve) => { request.onsuccess = () => resolve(request.result); });
  const store = open.transaction("keyval", "readwrite").objectStore("keyval");
  const keys = await done(store.getAllKeys());
  const names = await done(store.getAll());
  for (const key of keys) await done(store.put(name, key));
  open.close();
  return names;
}"""


def test_a_trial_takes_place_once_for_an_adapter(
    browser: Browser, toy_site: ToySite, serve: Callable[[Path], str]
) -> None:
    with pages(browser, serve(toy_site.folder)) as new_page:
        page = new_page()
        assert page.evaluate(LOAD, "toy_rivals") == "quick"
        assert page.evaluate(REWRITE, "slow") == ["quick"]
        assert page.evaluate(LOAD, "toy_rivals") == "slow"


def test_a_remembered_variant_that_no_longer_compiles_is_forgotten(
    browser: Browser, toy_site: ToySite, serve: Callable[[Path], str]
) -> None:
    # What a driver says of the kernel that it rejects is on the console.
    with pages(browser, serve(toy_site.folder), ("fn broken(", "[Invalid ShaderModule")) as new_page:
        page = new_page()
        assert page.evaluate(LOAD, "toy_broken_rival") == "quick"
        assert page.evaluate(REWRITE, "broken") == ["quick"]
        assert page.evaluate(LOAD, "toy_broken_rival") == "quick"
        assert page.evaluate(REWRITE, "quick") == ["quick"]
