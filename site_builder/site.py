"""Builds the site: pages, scripts, styles and models in one folder that any static host can serve."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..compile.folders import check_replaceable, replacing
from ..compile.progress import Progress, Report
from . import headers, icons, offline, pages, widget
from .assets import Assets
from .compression import compress
from .gallery import read_code
from .offers import Offer, offers
from .pages import Site
from .theme import STATIC, Theme, default_theme, read_theme

SCRIPTS = Path(__file__).parent.parent / "web" / "build"
LIVE_RELOAD = Path(__file__).parent / "live_reload.js"

PAGES: dict[str, Callable[[Site], str]] = {
    "index.html": pages.chat,
    "examples.html": pages.examples,
    "will_it_run.html": pages.will_it_run,
    "widget.html": pages.widget_demo,
    widget.FRAME: pages.embed,
    "verify.html": pages.verify,
    "404.html": pages.not_found,
}
MARKS = (widget.FRAME, widget.SCRIPT, offline.WORKER)  # names that stay: a folder with all of them is a site of ours
MACHINES_ONLY = ("verify.html", "404.html")  # no visitor opens them by their address, so browsers need not keep them


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may choose of a site."""

    models: tuple[str, ...] = ()  # all unless some are named
    models_list: Path | None = None
    theme: Path | None = None
    allow_origins: tuple[str, ...] = ()  # of pages that may frame the chat
    compressed: bool = False
    live: bool = False


DEFAULT = Options()


def build_site(
    models_dir: Path, site_dir: Path, report: Report, scripts: Path = SCRIPTS, options: Options = DEFAULT
) -> Path:
    """The folder of the finished site; the site before it stays whole until this one is."""
    check_replaceable(site_dir, "site of Windowseat's", is_site)
    theme = read_theme(options.theme) if options.theme else default_theme()
    offered = offers(models_dir, options.models, options.models_list)
    code = read_code(scripts / "examples")
    assets = _assets(theme, scripts / "site", options.live)
    site = Site(theme, assets, offered, code, widget.read_origins(options.allow_origins), options.live)
    with replacing(site_dir) as folder:
        _write_pages(folder, site, (scripts / "site" / offline.WORKER).read_text("utf-8"))
        for asset in site.assets.values():
            (folder / asset.path).parent.mkdir(parents=True, exist_ok=True)
            (folder / asset.path).write_bytes(asset.content)
        _link_models(folder / "models", [offer for offer in offered if offer.origin is None], report)
        if options.compressed:
            compress(folder, report)
    return site_dir


def is_site(folder: Path) -> bool:
    """Whether the folder is a site of ours, of any version."""
    return all((folder / name).is_file() for name in MARKS)


def _assets(theme: Theme, scripts: Path, live: bool) -> Assets:
    assets = Assets()
    assets.add_folder(STATIC)
    assets.add_scripts(scripts)
    assets.add_under_its_name(widget.SCRIPT, (scripts / widget.SCRIPT).read_bytes())
    assets.add("theme.css", theme.css().encode())
    assets.add("icon.svg", theme.icon.encode())
    if live:
        assets.add(LIVE_RELOAD.name, LIVE_RELOAD.read_bytes())
    for name, content in icons.icons(theme.icon, paper=theme.colours("paper")[0]).items():
        assets.add(name, content)
    return assets


def _write_pages(folder: Path, site: Site, offline_script: str) -> None:
    made = {name: page(site) for name, page in PAGES.items()}
    kept = {name: html for name, html in made.items() if name not in MACHINES_ONLY}
    worker = (
        offline.farewell_worker(offline_script)
        if site.live
        else offline.offline_worker(offline_script, kept, site.assets)
    )
    roots = {
        **made,
        offline.MANIFEST: offline.manifest(site.theme, site.assets),
        offline.WORKER: worker,
        # The page for wrong addresses has a policy of its own, inside.
        headers.FILE: headers.render(
            headers.rules(
                [name for name in made if name != "404.html"], {widget.FRAME: site.allow_origins}, site.policy
            )
        ),
    }
    for name, text in roots.items():
        (folder / name).write_text(text, "utf-8")


def _link_models(models: Path, offered: Sequence[Offer], report: Report) -> None:
    total = sum(len(offer.bundle.files) for offer in offered)
    done = 0
    for bundle in (offer.bundle for offer in offered):
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
