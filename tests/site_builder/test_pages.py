import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from windowseat.site_builder import pages
from windowseat.site_builder.assets import Assets
from windowseat.site_builder.bundles import read_bundle


@pytest.fixture(params=["chat", "verify", "not_found"])
def html(request: pytest.FixtureRequest, assets: Assets) -> str:
    """Every page, one after the other."""
    made = {"chat": pages.chat(assets, []), "verify": pages.verify(assets), "not_found": pages.not_found()}
    return made[request.param]


def page_data(html: str) -> dict[str, list[dict[str, object]]]:
    """The JSON block that the page's script reads."""
    block = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', html)
    assert block is not None
    data: dict[str, list[dict[str, object]]] = json.loads(block[1])
    return data


def test_the_chat_page_names_every_bundle_by_a_relative_address(
    assets: Assets, make_bundle: Callable[[str], Path]
) -> None:
    html = pages.chat(assets, [read_bundle(make_bundle("demo")), read_bundle(make_bundle("other"))])
    assert [model["bundle"] for model in page_data(html)["models"]] == ["models/demo/", "models/other/"]


def test_the_demo_model_has_its_own_prompts(assets: Assets, make_bundle: Callable[[str], Path]) -> None:
    models = page_data(pages.chat(assets, [read_bundle(make_bundle("demo"))]))["models"]
    assert "What is 17 + 25?" in str(models[0]["prompts"])


def test_any_other_model_has_prompts_too(assets: Assets, make_bundle: Callable[[str], Path]) -> None:
    models = page_data(pages.chat(assets, [read_bundle(make_bundle("other"))]))["models"]
    assert models[0]["prompts"]


def test_pages_keep_a_strict_policy(html: str) -> None:
    assert "default-src &#39;self&#39;" in html
    assert "unsafe" not in html
    assert not re.search(r"\sstyle=|<style|\son\w+=", html)
    assert not re.search(r"<script(?![^>]*(src=|application/json))", html)


def test_pages_name_files_by_relative_addresses_only(html: str) -> None:
    assert not re.search(r'(src|href)="(/|https?:)', html)


def test_a_page_for_machines_is_hidden_from_search_engines(assets: Assets) -> None:
    assert 'content="noindex"' in pages.verify(assets)


def test_scripts_and_styles_carry_the_hash_of_their_content(assets: Assets) -> None:
    html = pages.chat(assets, [])
    tags = re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]+)" integrity="sha384-([^"]+)"', html)
    content = {asset.path: asset.content for asset in assets.values()}
    assert [(path, base64.b64decode(digest)) for path, digest in tags] == [
        (path, hashlib.sha384(content[path]).digest()) for path, _ in tags
    ]
    assert {Path(path).suffix for path, _ in tags} == {".css", ".js"}
    assert not re.search(r'<(script|link)(?![^>]*integrity)[^>]*\.(js|css)"', html)


def test_a_page_asks_at_once_for_what_its_script_imports(assets: Assets) -> None:
    assert '<link rel="modulepreload" href="assets/shared-0.js" integrity="' in pages.chat(assets, [])
