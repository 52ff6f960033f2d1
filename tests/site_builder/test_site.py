import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from windowseat.compile.errors import UserError
from windowseat.compile.progress import Progress
from windowseat.site_builder import assets
from windowseat.site_builder.site import PAGES, Options, build_site


def ignore(_progress: Progress) -> None:
    """Nobody watches."""


def test_a_site_holds_pages_scripts_and_models(
    tmp_path: Path, scripts: Path, make_bundle: Callable[[str], Path]
) -> None:
    site = build_site(make_bundle("demo").parent, tmp_path / "site", ignore, scripts)
    files = {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}
    assets = {re.sub(r"-[0-9a-f]{8}(?=\.\w+$)", "", name) for name in files if name.startswith("assets/")}
    assert {name for name in files if not name.startswith("assets/")} == {
        *PAGES,
        "_headers",
        "manifest.webmanifest",
        "offline_worker.js",
        "widget.js",
        "models/demo/base.plan.json",
        "models/demo/bundle.json",
        "models/demo/generation_config.json",
        "models/demo/weights-0000.bin",
    }
    assert assets >= {"assets/chat-1.js", "assets/engine_worker-1.js", "assets/shared-0.js", "assets/look.css"}


def test_weights_are_not_stored_twice(tmp_path: Path, scripts: Path, make_bundle: Callable[[str], Path]) -> None:
    bundle = make_bundle("demo")
    site = build_site(bundle.parent, tmp_path / "site", ignore, scripts)
    assert (site / "models/demo/weights-0000.bin").samefile(bundle / "weights-0000.bin")


def test_weights_are_copied_where_links_cannot_be_made(
    tmp_path: Path, scripts: Path, make_bundle: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_paths: Path) -> None:
        raise OSError("no links here")

    monkeypatch.setattr("os.link", refuse)
    site = build_site(make_bundle("demo").parent, tmp_path / "site", ignore, scripts)
    assert (site / "models/demo/weights-0000.bin").read_bytes() == bytes(256)


def test_a_build_that_dies_leaves_the_site_before_it(
    tmp_path: Path, scripts: Path, make_bundle: Callable[[str], Path]
) -> None:
    models = make_bundle("demo").parent
    site = build_site(models, tmp_path / "site", ignore, scripts)

    def die(_progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_site(models, site, die, scripts)
    assert (site / "models/demo/weights-0000.bin").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "scripts", "site"]


def test_a_model_that_is_gone_leaves_the_next_site(
    tmp_path: Path, scripts: Path, make_bundle: Callable[[str], Path]
) -> None:
    models = make_bundle("demo").parent
    other = make_bundle("other")
    build_site(models, tmp_path / "site", ignore, scripts)
    other.rename(tmp_path / "elsewhere")
    site = build_site(models, tmp_path / "site", ignore, scripts)
    assert [path.name for path in (site / "models").iterdir()] == ["demo"]


def test_what_is_no_site_is_not_replaced(tmp_path: Path, scripts: Path, make_bundle: Callable[[str], Path]) -> None:
    bundle = make_bundle("demo")
    for folder in (bundle, bundle.parent):
        with pytest.raises(UserError, match=f"^{folder} is there already and is no site of Windowseat's"):
            build_site(bundle.parent, folder, ignore, scripts)
    assert (bundle / "bundle.json").is_file()


def test_missing_scripts_say_how_to_build_them(
    tmp_path: Path, scripts: Path, make_bundle: Callable[[str], Path]
) -> None:
    (scripts / "site/scripts.json").unlink()
    with pytest.raises(UserError, match="make build"):
        build_site(make_bundle("demo").parent, tmp_path / "site", ignore, scripts)


def test_an_installed_package_says_where_sites_are_built(
    tmp_path: Path, scripts: Path, make_bundle: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets, "in_checkout", lambda: False)
    (scripts / "site/scripts.json").unlink()
    with pytest.raises(UserError, match="is missing; sites are built from a checkout of the repository"):
        build_site(make_bundle("demo").parent, tmp_path / "site", ignore, scripts)


def test_the_same_input_makes_the_same_bytes(tmp_path: Path, scripts: Path, make_bundle: Callable[[str], Path]) -> None:
    models = make_bundle("demo").parent
    options = Options(compressed=True)
    first, second = (build_site(models, tmp_path / name, ignore, scripts, options) for name in ("first", "second"))
    files = [path.relative_to(first) for path in sorted(first.rglob("*")) if path.is_file()]
    assert {path.suffix for path in files} >= {".br", ".gz", ".png", ".html"}
    assert [(second / path).read_bytes() for path in files] == [(first / path).read_bytes() for path in files]


def test_a_changed_file_gets_another_name_and_makes_another_version(
    tmp_path: Path, scripts: Path, make_bundle: Callable[[str], Path]
) -> None:
    models = make_bundle("demo").parent
    theme = tmp_path / "theme.toml"
    theme.write_text('[look]\naccent = "teal"')
    first = build_site(models, tmp_path / "first", ignore, scripts)
    second = build_site(models, tmp_path / "second", ignore, scripts, Options(theme=theme))
    names = [next((site / "assets").glob("theme-*.css")).name for site in (first, second)]
    assert names[0] != names[1]
    workers = [(site / "offline_worker.js").read_text("utf-8") for site in (first, second)]
    assert names[1] in workers[1]
    assert workers[0] != workers[1]


def test_every_file_that_a_browser_keeps_is_there(
    tmp_path: Path, scripts: Path, make_bundle: Callable[[str], Path]
) -> None:
    site = build_site(make_bundle("demo").parent, tmp_path / "site", ignore, scripts)
    worker = (site / "offline_worker.js").read_text("utf-8")
    kept = json.loads(worker.removeprefix("const SHELL = ").partition(";\n")[0])["files"]
    assert all((site / file).is_file() for file in kept)
    assert {"index.html", "manifest.webmanifest"} <= set(kept)
    assert not [file for file in kept if "verify" in file]


def test_progress_counts_every_file(tmp_path: Path, scripts: Path, make_bundle: Callable[[str], Path]) -> None:
    reports: list[Progress] = []
    build_site(make_bundle("demo").parent, tmp_path / "site", reports.append, scripts)
    assert (reports[-1].done, reports[-1].total) == (4, 4)
