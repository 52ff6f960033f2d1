"""One engine for many tabs: two pages of one profile, and a worker that both of them use."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.web.toy_site import EXPECTED, PROMPT, ToySite, pages

LOAD = """async (options = {}) => {
  const { Windowseat } = await import("./index.js");
  const stages = new Set();
  const onProgress = ({ stage }) => stages.add(stage);
  window.engine = await Windowseat.load("toy/", { shared: true, onProgress, ...options });
  const { networkBytes, storedBytes, notKept, loadMs } = engine.model;
  return { stages: [...stages], networkBytes, storedBytes, notKept, loadMs };
}"""

GO_ON = """async ([prompt, max_tokens]) => {
  const { choices, usage } = await engine.completions.create({ prompt, max_tokens, temperature: 0 });
  return [choices[0].text, usage.prompt_tokens_details.cached_tokens];
}"""

START_LONG = """() => {
  window.long = engine.completions.create({ prompt: [7, 8], max_tokens: 4000, temperature: 0 })
    .then(() => "answered", (error) => error.code);
}"""

KEEP = """async (prompt) => {
  const session = engine.session();
  await session.completions.create({ prompt, max_tokens: 1, temperature: 0 });
  const bytes = await session.save();
  const restored = await engine.restore(bytes);
  const { usage } = await restored.completions.create({ prompt: [...prompt, 1, 2], max_tokens: 3 });
  return usage.prompt_tokens_details.cached_tokens;
}"""


@pytest.fixture
def tabs(browser: Browser, package_site: ToySite, serve: Callable[[Path], str]) -> Iterator[Callable[[], Page]]:
    with pages(browser, serve(package_site.folder)) as new_page:
        yield new_page


def test_two_tabs_share_one_engine_and_take_turns(tabs: Callable[[], Page], package_site: ToySite) -> None:
    one, other = tabs(), tabs()
    first = one.evaluate(LOAD, {"context": 4096})
    assert first["stages"] == ["manifest", "weights", "kernels"]
    second = other.evaluate(LOAD, {"context": 4096})
    assert second["stages"] == [], "it was there"
    assert second["loadMs"] == first["loadMs"], "one load"
    one.evaluate(START_LONG)
    assert other.evaluate(GO_ON, [PROMPT, EXPECTED])[1] == 0, "a state of its own"
    next_prompt = [*PROMPT, *package_site.ids, 1]
    assert other.evaluate(GO_ON, [next_prompt, 3])[1] == len(PROMPT) + EXPECTED - 1
    assert other.evaluate(KEEP, PROMPT) == len(PROMPT)
    one.close()  # in the middle of its answer
    assert other.evaluate(GO_ON, [[*next_prompt, 2], 3])[1] == len(PROMPT) + EXPECTED - 1, "where its turn began"
    third = tabs()
    assert third.evaluate(LOAD, {"context": 4096})["loadMs"] == first["loadMs"]


def test_tabs_that_wait_for_one_load_all_hear_how_far_it_is(tabs: Callable[[], Page]) -> None:
    one, other = tabs(), tabs()
    start = f"() => {{ window.loading = ({LOAD})(); }}"
    one.evaluate(start)
    other.evaluate(start)
    heard = [page.evaluate("() => window.loading") for page in (one, other)]
    assert heard[0]["loadMs"] == heard[1]["loadMs"]
    assert all("kernels" in each["stages"] for each in heard)


def test_the_next_visit_takes_the_model_from_what_the_shared_worker_kept(tabs: Callable[[], Page]) -> None:
    page = tabs()
    assert page.evaluate(LOAD)["notKept"] is None
    page.evaluate("() => engine.close()")
    page.reload()
    again = page.evaluate(LOAD)
    assert again["storedBytes"] > 0
    assert again["notKept"] is None


@pytest.mark.parametrize(
    "script", ["delete window.SharedWorker;", "Object.defineProperty(navigator, 'locks', { value: undefined });"]
)
def test_a_tab_has_an_engine_of_its_own_where_none_can_be_shared(tabs: Callable[[], Page], script: str) -> None:
    page = tabs()
    page.add_init_script(script)
    page.reload()
    page.evaluate(LOAD)
    assert page.evaluate(GO_ON, [PROMPT, 3])[1] == 0


def test_a_tab_has_an_engine_of_its_own_where_the_shared_worker_has_no_gpu(
    tabs: Callable[[], Page], package_site: ToySite
) -> None:
    worker = (package_site.folder / "worker.js").read_text("utf-8")
    blind = "if ('onconnect' in self) Object.defineProperty(navigator, 'gpu', { value: undefined });\n"
    (package_site.folder / "blind_worker.js").write_text(blind + worker, "utf-8")
    page = tabs()
    page.evaluate(LOAD, {"worker": "blind_worker.js"})
    assert page.evaluate(GO_ON, [PROMPT, 3])[1] == 0


def test_the_requests_of_all_tabs_fail_when_the_shared_worker_ends(
    tabs: Callable[[], Page], package_site: ToySite
) -> None:
    worker = (package_site.folder / "worker.js").read_text("utf-8")
    mortal = "new BroadcastChannel('end').onmessage = () => self.close();\n"
    (package_site.folder / "mortal_worker.js").write_text(mortal + worker, "utf-8")
    both = tabs(), tabs()
    for page in both:
        page.evaluate(LOAD, {"context": 4096, "worker": "mortal_worker.js"})
        page.evaluate(START_LONG)
    both[0].evaluate("() => new BroadcastChannel('end').postMessage(null)")
    for page in both:
        assert page.evaluate("() => window.long") == "internal"
        gone = page.evaluate(f"([prompt, tokens]) => ({GO_ON})([prompt, tokens]).catch(String)", [PROMPT, 3])
        assert "load the model again" in gone
    both[0].evaluate(LOAD, {"context": 4096, "worker": "mortal_worker.js"})
    assert both[0].evaluate(GO_ON, [PROMPT, 3])[1] == 0


def test_a_worker_of_the_pages_own_cannot_be_shared(tabs: Callable[[], Page]) -> None:
    refuse = f"""async () => {{
      const worker = new Worker("worker.js", {{ type: "module" }});
      const refused = await ({LOAD})({{ worker }}).catch(({{ param }}) => param);
      worker.terminate();
      return refused;
    }}"""
    assert tabs().evaluate(refuse) == "worker"
