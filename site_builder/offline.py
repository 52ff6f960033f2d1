"""What makes the site an app that opens without a network: its manifest, and the list of files that a browser keeps."""

import hashlib
import json
from collections.abc import Mapping

from .assets import Assets
from .theme import Theme

MANIFEST, WORKER = "manifest.webmanifest", "offline_worker.js"  # both at the root of the site, under fixed names

# Only machines load the first and only other sites the second; the third is large, and for requests that need it.
LEFT_OUT = ("verify.js", "widget_worker.js", "grammar.js")


def manifest(theme: Theme, assets: Assets) -> str:
    """The site as an app, with addresses relative to itself."""
    paper, _ = theme.colours("paper")

    def icon(name: str, sizes: str, kind: str, purpose: str = "any") -> dict[str, str]:
        return {"src": assets[name].path, "sizes": sizes, "type": kind, "purpose": purpose}

    described = {
        "name": theme.name,
        "short_name": theme.name,
        "description": theme.description,
        "id": "./",
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": paper,
        "theme_color": paper,
        "icons": [
            icon("icon.svg", "any", "image/svg+xml"),
            icon("icon-192.png", "192x192", "image/png"),
            icon("icon-512.png", "512x512", "image/png"),
            icon("icon-maskable.png", "512x512", "image/png", "maskable"),
        ],
    }
    return json.dumps(described, indent=1, ensure_ascii=False) + "\n"


def offline_worker(script: str, pages: Mapping[str, str], assets: Assets) -> str:
    """The service worker with the list of what it keeps; any change of a page or an asset changes it."""
    kept = {asset.path: asset.integrity for name, asset in assets.items() if name not in LEFT_OUT}
    version = hashlib.sha256(json.dumps([*pages.items(), *kept.items()]).encode()).hexdigest()[:12]
    return _told({"version": version, "files": [*pages, MANIFEST, *kept]}, script)


def farewell_worker(script: str) -> str:
    """The service worker while the site is being developed: it gives up what an earlier one kept, and itself."""
    return _told(None, script)


def _told(shell: object, script: str) -> str:
    return f"const SHELL = {json.dumps(shell)};\n{script}"
