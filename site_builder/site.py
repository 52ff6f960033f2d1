"""Builds the site: pages, scripts, styles and models in one folder that any static host can serve."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from ..compile.errors import UserError
from ..compile.folders import replacing
from ..compile.progress import Progress, Report
from . import pages
from .bundles import Bundle, read_bundles

STATIC = Path(__file__).parent / "static"
SCRIPTS = Path(__file__).parent.parent / "web" / "build"
SCRIPT_NAMES = ("chat.js", "engine_worker.js", "verify.js")


def build_site(models_dir: Path, site_dir: Path, report: Report, scripts: Path = SCRIPTS) -> Path:
    """The folder of the finished site; the site before it stays whole until this one is."""
    bundles = read_bundles(models_dir)
    with replacing(site_dir) as folder:
        _write_pages(folder, bundles)
        _copy_assets(folder / "assets", scripts)
        _link_models(folder / "models", bundles, report)
    return site_dir


def _write_pages(folder: Path, bundles: Sequence[Bundle]) -> None:
    for name, html in {
        "index.html": pages.chat(bundles),
        "verify.html": pages.verify(),
        "404.html": pages.not_found(),
    }.items():
        (folder / name).write_text(html, "utf-8")


def _copy_assets(assets: Path, scripts: Path) -> None:
    if missing := [name for name in SCRIPT_NAMES if not (scripts / name).is_file()]:
        raise UserError(f"{scripts / missing[0]} is missing; build the TypeScript first: make build")
    shutil.copytree(STATIC, assets)
    for name in SCRIPT_NAMES:
        shutil.copyfile(scripts / name, assets / name)


def _link_models(models: Path, bundles: Sequence[Bundle], report: Report) -> None:
    total = sum(len(bundle.files) for bundle in bundles)
    done = 0
    for bundle in bundles:
        (models / bundle.name).mkdir(parents=True)
        for name in bundle.files:
            report(Progress(f"Adding {bundle.name}", done, total, unit="files"))
            _link_or_copy(bundle.folder / name, models / bundle.name / name)
            done += 1
    report(Progress("Adding models", total, total, unit="files"))


def _link_or_copy(source: Path, target: Path) -> None:
    """A second name for the same bytes; a copy where the file system has no links, or the site is on another one."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
