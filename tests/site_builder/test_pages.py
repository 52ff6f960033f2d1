"""The pages of a small site, as files: what they load, and what their policy allows."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from windowseat.site_builder.site import PAGES, Options, build_site


@pytest.fixture
def site(tmp_path: Path, scripts: Path, make_bundle: Callable[[str], Path]) -> Path:
    """A site with two models."""
    models = make_bundle("demo").parent
    make_bundle("other")
    return build_site(models, tmp_path / "site", lambda _: None, scripts)


@pytest.fixture(params=list(PAGES))
def html(request: pytest.FixtureRequest, site: Path) -> str:
    """Every page, one after the other."""
    name: str = request.param
    return (site / name).read_text("utf-8")


def models_of(site: Path) -> list[dict[str, object]]:
    """What the chat page's script reads of the models."""
    html = (site / "index.html").read_text("utf-8")
    block = re.search(r'<script type="application/json" id="page-data">(.*?)</script>', html)
    assert block is not None
    models: list[dict[str, object]] = json.loads(block[1])["models"]
    return models


def test_the_chat_page_names_every_bundle_by_a_relative_address(site: Path) -> None:
    assert [model["bundle"] for model in models_of(site)] == ["models/demo/", "models/other/"]


def test_the_demo_model_has_its_own_prompts_and_any_other_has_some_too(site: Path) -> None:
    demo, other = models_of(site)
    assert "What is 17 + 25?" in str(demo["prompts"])
    assert other["prompts"]


def test_pages_keep_a_strict_policy(html: str) -> None:
    assert "default-src &#39;self&#39;" in html
    assert not re.search("unsafe-(inline|eval)", html.replace("wasm-unsafe-eval", ""))
    assert not re.search(r"\sstyle=|\son\w+=", html)
    assert not re.search(r"<script(?![^>]*(src=|application/json))", html)


def test_the_style_inside_the_page_for_wrong_addresses_is_allowed_by_its_hash(site: Path) -> None:
    html = (site / "404.html").read_text("utf-8")
    style = re.search("<style>(.*?)</style>", html, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"&#39;sha256-{digest}&#39;" in html


def test_pages_name_files_by_relative_addresses_only(html: str) -> None:
    assert not re.search(r'(src|href)="(/|https?:)', html)


def test_pages_for_machines_are_hidden_from_search_engines(site: Path) -> None:
    assert all('content="noindex"' in (site / name).read_text("utf-8") for name in ("verify.html", "404.html"))


def test_scripts_and_styles_carry_the_hash_of_their_content(site: Path, html: str) -> None:
    tags = re.findall(r'<(?:script|link)[^>]*(?:src|href)="([^"]+)" integrity="sha384-([^"]+)"', html)
    assert all(base64.b64decode(said) == hashlib.sha384((site / path).read_bytes()).digest() for path, said in tags)
    assert not re.search(r'<(script|link)(?![^>]*integrity)[^>]*\.(js|css)"', html)


def test_a_page_asks_at_once_for_what_its_script_imports(site: Path) -> None:
    assert '<link rel="modulepreload" href="assets/shared-0.js" integrity="' in (site / "index.html").read_text("utf-8")


def test_pages_that_are_being_developed_follow_the_builds(
    tmp_path: Path, scripts: Path, make_bundle: Callable[[str], Path]
) -> None:
    models = make_bundle("demo").parent
    live = build_site(models, tmp_path / "site", lambda _: None, scripts, Options(live=True))
    assert re.search(r'src="assets/live_reload-\w+\.js"', (live / "index.html").read_text("utf-8"))
    assert (live / "offline_worker.js").read_text("utf-8").startswith("const SHELL = null;")
