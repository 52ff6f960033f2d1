"""A site that follows what it is made from."""

from pathlib import Path
from threading import Event

import httpx2
from watchfiles import Change
from windowseat.compile.errors import UserError
from windowseat.site_builder.server import application
from windowseat.site_builder.watch import SOURCES, Filter, Watch

from tests.conftest import served

PATIENCE_S = 20


def test_a_change_builds_the_site_again_and_pages_hear_of_it(tmp_path: Path) -> None:
    theme = tmp_path / "theme.toml"
    theme.write_text("")
    said: list[str] = []
    watch = Watch(lambda: None, [theme], said.append)
    with (
        served(application(tmp_path, watch)) as url,
        httpx2.stream("GET", f"{url}live_reload", timeout=PATIENCE_S) as events,
    ):
        lines = events.iter_lines()
        assert next(lines) == "retry: 500"
        theme.write_text('name = "Harbour"')
        assert next(line for line in lines if line.startswith("event")) == "event: built"
    assert said == ["Built again, because of theme.toml."]


def test_a_build_that_fails_is_told_of_and_does_not_end_the_watch(tmp_path: Path) -> None:
    told = Event()
    said: list[str] = []
    theme = tmp_path / "theme.toml"
    theme.write_text("")
    mistakes: list[Exception] = [UserError("the theme has no name"), KeyError("no_such_text")]

    def build() -> None:
        if mistakes:
            raise mistakes.pop(0)

    def say(line: str) -> None:
        said.append(line)
        told.set()

    with served(application(tmp_path, Watch(build, [theme], say))) as url:
        # The watch begins with the server, and looks before the first answer.
        httpx2.get(url)
        for text in ("name = ", "name", 'name = "Harbour"'):
            told.clear()
            theme.write_text(text)
            assert told.wait(PATIENCE_S)
    assert said == [
        "Not built: the theme has no name",
        "Not built: KeyError: 'no_such_text'",
        "Built again, because of theme.toml.",
    ]


def test_what_is_watched_is_there_and_what_is_hidden_in_it_is_not_looked_at(tmp_path: Path) -> None:
    assert [path for path in SOURCES if not path.exists()] == []
    keep = Filter([tmp_path])
    assert keep(Change.modified, str(tmp_path / "demo" / "bundle.json"))
    assert not keep(Change.added, str(tmp_path / ".demo.partial-1" / "weights-0000.bin"))
    assert not keep(Change.modified, str(tmp_path / "src" / "format.ts"))
