"""The files that pages load, each under a name that holds a hash of its content: a browser may keep it for ever.

Scripts come with such names, since they name one another; the rest gets one here.
"""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..compile.errors import UserError
from .checkout import in_checkout

FOLDER = "assets"  # within the site


@dataclass(frozen=True, slots=True)
class Script:
    """A script or a chunk of one, as esbuild wrote it."""

    name: str  # chat.js, by which templates know it
    file: str  # chat-2SXGL4HP.js
    imports: tuple[str, ...]  # the files of chunks that it cannot begin without


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the site, with its content."""

    path: str  # within the site
    content: bytes

    @property
    def integrity(self) -> str:
        """What the browser holds the content against."""
        return f"sha384-{base64.b64encode(hashlib.sha384(self.content).digest()).decode()}"


class Assets(Mapping[str, Asset]):
    """Assets by the names that templates know them by: chat.css, chat.js."""

    def __init__(self) -> None:
        self._assets: dict[str, Asset] = {}
        self._imports: dict[str, tuple[str, ...]] = {}  # by file

    def __getitem__(self, name: str) -> Asset:
        return self._assets[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._assets)

    def __len__(self) -> int:
        return len(self._assets)

    def add(self, name: str, content: bytes) -> None:
        """Adds a file under a name with its hash."""
        path = PurePosixPath(name)
        digest = hashlib.sha256(content).hexdigest()[:8]
        self._assets[name] = Asset(f"{FOLDER}/{path.with_name(f'{path.stem}-{digest}{path.suffix}')}", content)

    def add_under_its_name(self, name: str, content: bytes) -> None:
        """Adds a file that lies at the root of the site under a name that stays, for others to link to."""
        self._assets[name] = Asset(name, content)

    def add_folder(self, folder: Path) -> None:
        """Adds each file of a folder under its name."""
        for path in sorted(folder.iterdir()):
            self.add(path.name, path.read_bytes())

    def add_scripts(self, folder: Path) -> None:
        """Adds what web/build.mjs built."""
        for script in read_scripts(folder):
            self._assets[script.name] = Asset(f"{FOLDER}/{script.file}", (folder / script.file).read_bytes())
            self._imports[script.file] = script.imports

    def imports(self, name: str) -> list[Asset]:
        """All that a script imports before it runs, near and far: a browser that knows them fetches them at once."""
        found: dict[str, Asset] = {}
        waiting = list(self._imports[PurePosixPath(self[name].path).name])
        while waiting:
            file = waiting.pop(0)
            if file not in found:
                found[file] = self[file]
                waiting += self._imports[file]
        return list(found.values())


def read_scripts(folder: Path) -> list[Script]:
    """The scripts that web/build.mjs built."""
    index = folder / "scripts.json"
    if not index.is_file():
        elsewhere = "sites are built from a checkout of the repository, after make build there"
        how = "build the TypeScript first: make build" if in_checkout() else elsewhere
        raise UserError(f"{index} is missing; {how}")
    scripts = [
        Script(each["name"], each["file"], tuple(each["imports"])) for each in json.loads(index.read_text("utf-8"))
    ]
    if missing := [script.file for script in scripts if not (folder / script.file).is_file()]:
        raise UserError(f"{folder / missing[0]} is missing; build the TypeScript again: make build")
    return scripts
