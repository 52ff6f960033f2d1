"""The runtime in Chromium: the page script of `windowseat verify`, and the worker that a chat page talks to."""

import base64
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.web.toy_site import EXPECTED, PROMPT, ToySite, pages

GREEDY = {"temperature": 0, "top_k": 0, "top_p": 1, "seed": 0}
REQUEST = {"id": 1, "messages": [{"role": "user", "content": "hé"}], "sampling": GREEDY, "maxTokens": 6}

# Sends each message in turn, waits for the end of the one before, and gives back everything the worker said.
TALK = """async (messages) => {
  const worker = new Worker("engine_worker.js", { type: "module" });
  const heard = [];
  for (const message of messages) {
    await new Promise((resolve, reject) => {
      worker.onerror = (event) => reject(new Error(event.message));
      worker.onmessage = ({ data }) => {
        heard.push(data);
        if (["ready", "done", "failed"].includes(data.kind)) resolve();
      };
      worker.postMessage(message);
    });
  }
  worker.terminate();
  return heard;
}"""


@pytest.fixture(scope="module")
def address(toy_site: ToySite, serve: Callable[[Path], str]) -> str:
    return serve(toy_site.folder)


@pytest.fixture
def page(plain_browser: Browser, address: str) -> Iterator[Page]:
    with pages(plain_browser, address) as new_page:
        yield new_page()


@pytest.fixture
def page_without_webgpu(browser_without_webgpu: Browser, address: str) -> Iterator[Page]:
    with pages(browser_without_webgpu, address) as new_page:
        yield new_page()


def talk(page: Page, *messages: dict[str, Any]) -> list[dict[str, Any]]:
    heard: list[dict[str, Any]] = page.evaluate(TALK, list(messages))
    return heard


def test_the_page_script_decodes_what_the_kernels_define(page: Page, toy_site: ToySite) -> None:
    page.evaluate("windowseat.load('toy', {})")
    assert page.evaluate("([ids, n]) => windowseat.greedy(ids, n)", [PROMPT, EXPECTED]) == toy_site.ids


def test_the_page_script_gives_logits_for_every_forced_token(page: Page, toy_site: ToySite) -> None:
    page.evaluate("windowseat.load('toy', {})")
    forced = toy_site.ids[:3]
    rows = page.evaluate("([ids, forced]) => windowseat.logits(ids, forced)", [PROMPT, forced])
    logits = [struct.unpack("<261f", base64.b64decode(row)) for row in rows]
    assert [row.index(max(row)) for row in logits] == toy_site.ids[:4]


def test_a_token_is_one_submit_and_creates_nothing(page: Page) -> None:
    page.evaluate("windowseat.load('toy', {})")
    per_token = page.evaluate("windowseat.bench(16, 20)")["perToken"]
    assert per_token == {
        "dispatches": 4,
        "passes": 1,
        "submits": 1,
        "writes": 1,
        "bindGroups": 0,
        "buffers": 0,
        "pipelines": 0,
    }


def test_the_worker_loads_and_answers_twice_the_same(page: Page, address: str) -> None:
    load = {"kind": "load", "bundle": f"{address}toy/"}
    ask = {"kind": "generate", **REQUEST}
    heard = talk(page, load, ask, {**ask, "id": 2})
    assert heard[0] == {"kind": "loading", "stage": "manifest", "done": 0, "total": 1}
    ready = next(message for message in heard if message["kind"] == "ready")
    assert ready["model"]["name"] == "toy"
    texts = {
        number: "".join(m["text"] for m in heard if m["kind"] == "delta" and m["id"] == number) for number in (1, 2)
    }
    assert texts[1] == texts[2] != ""
    ends = [message for message in heard if message["kind"] == "done"]
    assert [end["reason"] for end in ends] == ["length", "length"]
    assert ends[1]["usage"]["cachedTokens"] > 0


def test_the_worker_says_when_nothing_is_loaded(page: Page) -> None:
    (failed,) = talk(page, {"kind": "generate", **REQUEST})
    assert (failed["id"], failed["failure"]["code"]) == (1, "bad_request")


def test_the_worker_says_that_there_is_no_gpu(page_without_webgpu: Page, address: str) -> None:
    heard = talk(page_without_webgpu, {"kind": "load", "bundle": f"{address}toy/"})
    assert heard[-1]["failure"]["code"] == "no_adapter"
