"""The npm package in a page: OpenAI's own client talks to an engine in a worker."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.web.toy_site import EXPECTED, PROMPT, ToySite, pages

START = """async () => {
  const { Windowseat, ApiError } = await import("./index.js");
  const { OpenAI } = await import("./openai.js");
  const stages = new Set();
  const engine = await Windowseat.load("toy/", { onProgress: ({ stage }) => stages.add(stage) });
  const client = new OpenAI({
    baseURL: "http://engine/v1", apiKey: "none", fetch: engine.fetch, dangerouslyAllowBrowser: true,
  });
  Object.assign(window, { Windowseat, ApiError, engine, client });
  return [...stages];
}"""

TALK = """async () => {
  const request = {
    model: "toy", messages: [{ role: "user", content: "hé" }], temperature: 0, max_completion_tokens: 8,
  };
  const whole = await client.chat.completions.create(request);
  let streamed = "";
  for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
    streamed += chunk.choices[0]?.delta.content ?? "";
  }
  const refused = await client.chat.completions.create({ ...request, n: 0 })
    .catch(({ status, param }) => [status, param]);
  const controller = new AbortController();
  const { signal } = controller;
  const waiting = client.chat.completions.create({ ...request, max_completion_tokens: 80 }, { signal });
  setTimeout(() => controller.abort(), 0);
  const ended = await waiting.catch((error) => error.constructor === client.constructor.APIUserAbortError);
  const names = [];
  for await (const { id } of client.models.list()) names.push(id);
  return { whole: whole.choices[0].message.content, streamed, refused, ended, names };
}"""

COMPLETE = """async ([prompt, max_tokens]) => {
  const { choices, usage } = await engine.completions.create({ prompt, max_tokens, temperature: 0 });
  return [choices[0].text, usage.completion_tokens];
}"""

ROUTE = """async () => {
  const { routeFetch } = await import("./index.js");
  const { OpenAI } = await import("./openai.js");
  const missing = await routeFetch(engine, "nowhere.js").catch(({ code }) => code);
  const elsewhere = await routeFetch(engine, "deeper/service_worker.js").catch(({ code }) => code);
  const end = await routeFetch(engine);
  const request = { messages: [{ role: "user", content: "hé" }], temperature: 0, max_completion_tokens: 8 };
  const post = (body) => fetch("/v1/chat/completions", { method: "POST", body: JSON.stringify(body) });
  const models = await fetch("/v1/models");
  const refused = await post({ ...request, messages: [] });
  const whole = await (await post(request)).json();
  const events = await (await post({ ...request, stream: true })).text();
  const chunks = events.split("\\n\\n").slice(0, -2).map((line) => JSON.parse(line.slice("data: ".length)));
  const left = (await post({ ...request, max_completion_tokens: 80, stream: true })).body.getReader();
  await left.read();
  await left.cancel();
  const next = await (await post(request)).json();
  const client = new OpenAI({ baseURL: `${location.origin}/v1`, apiKey: "none", dangerouslyAllowBrowser: true });
  let byClient = "";
  for await (const { choices } of await client.chat.completions.create({ ...request, model: "toy", stream: true })) {
    byClient += choices[0].delta.content ?? "";
  }
  const heard = {
    missing,
    elsewhere,
    byClient,
    one: (await client.models.retrieve("toy")).id,
    models: [models.status, (await models.json()).data.map(({ id }) => id)],
    refused: [refused.status, (await refused.json()).error.param],
    whole: whole.choices[0].message.content,
    streamed: chunks.map(({ choices }) => choices[0].delta.content ?? "").join(""),
    left: next.usage.completion_tokens,
  };
  end();
  return { ...heard, without: (await fetch("/v1/models")).status };
}"""

FAIL = """async ([bundle, options]) => {
  try {
    if (options.abort) options = { signal: AbortSignal.abort() };
    await Windowseat.load(bundle, options);
  } catch (error) {
    return [error instanceof ApiError, error.code ?? null, error.name];
  }
}"""


@pytest.fixture(scope="module")
def page(browser: Browser, package_site: ToySite, serve: Callable[[Path], str]) -> Iterator[Page]:
    with pages(browser, serve(package_site.folder), ("400", "404")) as new_page:
        opened = new_page()
        assert opened.evaluate(START) == ["manifest", "weights", "kernels"]
        yield opened


def test_openais_client_works_unchanged_in_a_page(page: Page) -> None:
    heard: dict[str, Any] = page.evaluate(TALK)
    assert heard["whole"] == heard["streamed"] != ""
    assert heard["refused"] == [400, "n"]
    assert heard["ended"] is True
    assert heard["names"] == ["toy"]


def test_a_page_gets_the_tokens_that_the_kernels_define(page: Page, package_site: ToySite) -> None:
    text, tokens = page.evaluate(COMPLETE, [PROMPT, EXPECTED])
    assert tokens == EXPECTED
    assert text.startswith(bytes(package_site.ids[:1]).decode("utf-8", "replace"))


def test_a_load_that_fails_says_why(page: Page) -> None:
    assert page.evaluate(FAIL, ["nowhere/", {}]) == [True, "missing_file", "ApiError"]
    assert page.evaluate(FAIL, ["toy/", {"worker": "no_such_worker.js"}]) == [True, "internal", "ApiError"]
    assert page.evaluate(FAIL, ["toy/", {"abort": True}]) == [False, 20, "AbortError"]


def test_any_code_in_the_page_may_fetch_v1_once_a_service_worker_is_there(page: Page) -> None:
    heard: dict[str, Any] = page.evaluate(ROUTE)
    assert heard["models"] == [200, ["toy"]]
    assert heard["refused"] == [400, "messages"]
    assert heard["streamed"] == heard["byClient"] == heard["whole"] != ""
    assert heard["missing"] == heard["elsewhere"] == "no_service_worker"
    assert heard["one"] == "toy"
    assert heard["left"] == 8, "a stream that is left ends, and the next request is answered"
    assert heard["without"] == 404


def test_a_page_that_was_reloaded_by_force_is_routed_again(page: Page) -> None:
    with page.expect_navigation():
        page.context.new_cdp_session(page).send("Page.reload", {"ignoreCache": True})
    assert page.evaluate("navigator.serviceWorker.controller") is None
    page.wait_for_function("window.windowseat !== undefined")
    page.evaluate(START)
    assert page.evaluate(ROUTE)["models"] == [200, ["toy"]]
