"""The benchmark of a warm load, with the toy bundle."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from windowseat.site_builder.bench.warm_load import measure_warm_load

from tests.web.toy_site import ToySite


def test_a_warm_load_reads_every_shard_from_storage_and_ends_with_a_token(toy_site: ToySite, tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(toy_site.folder, site)
    (site / "models").mkdir()
    (site / "toy").rename(site / "models/toy")
    (site / "index.html").rename(site / "verify.html")
    # Playwright runs once in a thread, and in this one it may run already.
    with ThreadPoolExecutor(1) as other_thread:
        measured = other_thread.submit(measure_warm_load, site, "toy", "base", loads=1).result()
    assert 0 < measured.read_ms < measured.load_ms < measured.first_token_ms
    assert measured.limit_ms == 1.2 * measured.read_ms + 1000
