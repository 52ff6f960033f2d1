"""What the tests of the runtime share."""

import shutil
import subprocess

import pytest

from tests.web.toy_site import WEB, ToySite, write_toy_site


@pytest.fixture(scope="session")
def toy_site(node: str, tmp_path_factory: pytest.TempPathFactory) -> ToySite:
    """The scripts and the toy bundle in a folder; a test that changes something takes a copy."""
    return write_toy_site(node, tmp_path_factory.mktemp("browser"))


@pytest.fixture(scope="session")
def package_site(toy_site: ToySite, tmp_path_factory: pytest.TempPathFactory) -> ToySite:
    """The toy site with the package's files and OpenAI's client beside it."""
    folder = tmp_path_factory.mktemp("package_site") / "site"
    shutil.copytree(toy_site.folder, folder)
    for name in ("index.js", "worker.js", "grammar.js", "service_worker.js"):
        shutil.copyfile(WEB / "build" / "package" / name, folder / name)
    (folder / "deeper").mkdir()
    shutil.copyfile(folder / "service_worker.js", folder / "deeper" / "service_worker.js")
    esbuild = str(WEB / "node_modules/.bin/esbuild")
    subprocess.run(
        [esbuild, "--bundle", "--format=esm", "--log-level=warning", f"--outfile={folder / 'openai.js'}"],
        cwd=WEB,
        input='export { OpenAI } from "openai";',
        text=True,
        check=True,
    )
    return ToySite(folder, toy_site.ids)
