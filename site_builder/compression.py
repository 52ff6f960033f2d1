"""Compresses the files of a site once, so that no host has to do it for each visitor."""

import gzip
from pathlib import Path

import brotli

from ..compile.progress import Progress, Report
from .headers import ENCODINGS

SUFFIXES = (".css", ".html", ".jinja", ".js", ".json", ".svg", ".wasm", ".webmanifest")
WORTH_IT = 512  # bytes; smaller files fit into one packet anyway
LARGE = 256 * 1024  # bytes; above, brotli's best takes seconds for a few per cent


def compress(folder: Path, report: Report) -> None:
    """Puts FILE.br and FILE.gz beside each file that gets smaller so; the same file gives the same bytes."""
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in SUFFIXES and path.is_file()]
    for done, path in enumerate(files):
        report(Progress("Compressing", done, len(files), unit="files"))
        content = path.read_bytes()
        if len(content) < WORTH_IT:
            continue
        quality = 11 if len(content) < LARGE else 9
        for encoding, smaller in {
            "br": brotli.compress(content, mode=brotli.MODE_TEXT, quality=quality),
            "gzip": gzip.compress(content, 9, mtime=0),
        }.items():
            if len(smaller) < len(content):
                path.with_name(path.name + ENCODINGS[encoding]).write_bytes(smaller)
    report(Progress("Compressing", len(files), len(files), unit="files"))
