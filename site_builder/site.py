"""Builds the site: pages, scripts, styles and models in one folder that any static host can serve."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from ..compile.folders import replacing
from ..compile.progress import Progress, Report
from . import pages
from .assets import Assets
from .bundles import Bundle, read_bundles

STATIC = Path(__file__).parent / "static"
SCRIPTS = Path(__file__).parent.parent / "web" / "build"


def build_site(models_dir: Path, site_dir: Path, report: Report, scripts: Path = SCRIPTS) -> Path:
    """The folder of the finished site; the site before it stays whole until this one is."""
    bundles = read_bundles(models_dir)
    assets = Assets()
    assets.add_folder(STATIC)
    assets.add_scripts(scripts / "site")
    with replacing(site_dir) as folder:
        for name, html in {
            "index.html": pages.chat(assets, bundles),
            "verify.html": pages.verify(assets),
            "404.html": pages.not_found(),
        }.items():
            (folder / name).write_text(html, "utf-8")
        for asset in assets.values():
            (folder / asset.path).parent.mkdir(exist_ok=True)
            (folder / asset.path).write_bytes(asset.content)
        _link_models(folder / "models", bundles, report)
    return site_dir


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
