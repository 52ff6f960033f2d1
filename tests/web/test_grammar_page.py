"""A page whose grammar engine does not come: only the request that needs it waits, and it can be stopped."""

from playwright.sync_api import Browser

from tests.conftest import served
from tests.web.faulty_server import FaultyServer
from tests.web.toy_site import PROMPT, ToySite, pages

LOAD = """async () => {
  const { Windowseat } = await import("./index.js");
  window.engine = await Windowseat.load("toy/", { context: 4096 });
  window.other = engine.session();
  window.start = (signal) => {
    window.held = engine.chat.completions.create({
      messages: [{ role: "user", content: "h" }],
      temperature: 0,
      max_completion_tokens: 4,
      response_format: { type: "regex", regex: "a+" },
    }, { signal }).then(({ choices }) => choices[0].message.content, (error) => String(error));
  };
}"""

STOP = """async () => {
  const stop = new AbortController();
  start(stop.signal);
  await new Promise((resolve) => setTimeout(resolve, 100)); // it asks for the script
  stop.abort();
}"""

ANSWER = """async ([session, prompt]) => {
  const { usage } = await window[session].completions.create({ prompt, max_tokens: 5, temperature: 0 });
  return usage.completion_tokens;
}"""


def test_a_request_that_waits_for_its_grammar_keeps_nobody_waiting_and_can_be_stopped(
    browser: Browser, package_site: ToySite
) -> None:
    server = FaultyServer(package_site.folder)
    with served(server) as address, pages(browser, address) as new_page:
        page = new_page()
        page.evaluate(LOAD)
        server.held.add("grammar.js")
        page.evaluate(STOP)
        assert page.evaluate(ANSWER, ["engine", PROMPT]) == 5, "the one that was stopped is over"
        page.evaluate("start()")
        assert page.evaluate(ANSWER, ["other", PROMPT]) == 5
        server.held.clear()
        assert page.evaluate("held") == "aaaa"
        page.evaluate("engine.close()")
