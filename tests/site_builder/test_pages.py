import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from windowseat.site_builder import pages
from windowseat.site_builder.bundles import read_bundle


def page_data(html: str) -> dict[str, list[dict[str, object]]]:
    """The JSON block that the page's script reads."""
    block = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', html)
    assert block is not None
    data: dict[str, list[dict[str, object]]] = json.loads(block[1])
    return data


def test_the_chat_page_names_every_bundle_by_a_relative_address(make_bundle: Callable[[str], Path]) -> None:
    html = pages.chat([read_bundle(make_bundle("demo")), read_bundle(make_bundle("other"))])
    assert [model["bundle"] for model in page_data(html)["models"]] == ["models/demo/", "models/other/"]


def test_the_demo_model_has_its_own_prompts(make_bundle: Callable[[str], Path]) -> None:
    models = page_data(pages.chat([read_bundle(make_bundle("demo"))]))["models"]
    assert "What is 17 + 25?" in str(models[0]["prompts"])


def test_any_other_model_has_prompts_too(make_bundle: Callable[[str], Path]) -> None:
    models = page_data(pages.chat([read_bundle(make_bundle("other"))]))["models"]
    assert models[0]["prompts"]


@pytest.mark.parametrize("html", [pages.chat([]), pages.verify(), pages.not_found()])
def test_pages_keep_a_strict_policy(html: str) -> None:
    assert "default-src &#39;self&#39;" in html
    assert "unsafe" not in html
    assert not re.search(r"\sstyle=|<style|\son\w+=", html)
    assert not re.search(r"<script(?![^>]*(src=|application/json))", html)


@pytest.mark.parametrize("html", [pages.chat([]), pages.verify(), pages.not_found()])
def test_pages_name_files_by_relative_addresses_only(html: str) -> None:
    assert not re.search(r'(src|href)="(/|https?:)', html)


def test_a_page_for_machines_is_hidden_from_search_engines() -> None:
    assert 'content="noindex"' in pages.verify()
