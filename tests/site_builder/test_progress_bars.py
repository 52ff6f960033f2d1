"""Bars on a terminal: what is done, of how much, and the time that the rest will take."""

import io
import re
import sys
import time

import pytest
from windowseat.compile.progress import Progress
from windowseat.site_builder import progress_bars as module
from windowseat.site_builder.progress_bars import progress_bars


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(monkeypatch: pytest.MonkeyPatch, screen: io.StringIO, *values: Progress) -> str:
    """What stands on the screen in the end, when these reports come a tenth of a second apart."""
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(module, "SHOWN_AFTER", 0)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    with progress_bars() as report:
        for value in values:
            report(value)
            time.sleep(0.1)
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()).split()
    return " ".join(lines)


def test_a_bar_shows_bytes_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [Progress("Quantising", done * 1_000_000, 400_000_000) for done in (0, 1, 2, 3)]
    seen = drawn(monkeypatch, Terminal(), *values)
    assert re.search(r"Quantising \S+ 3\.0 of 400\.0 MB 0:00:[2-5]\d left$", seen)  # 40 s


def test_what_was_there_at_the_start_does_not_count_as_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    values = [Progress("Quantising", done * 1_000_000, 400_000_000) for done in (200, 201, 202, 203)]
    seen = drawn(monkeypatch, Terminal(), *values)
    assert re.search(r"203\.0 of 400\.0 MB 0:00:[1-3]\d left$", seen)  # 20 s


def test_at_the_end_no_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = drawn(monkeypatch, Terminal(), Progress("Adding", 0, 4, "files"), Progress("Adding", 4, 4, "files"))
    assert seen.endswith("4 of 4 files")


def test_nothing_is_drawn_where_no_person_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert drawn(monkeypatch, io.StringIO(), Progress("Quantising", 0, 4), Progress("Quantising", 4, 4)) == ""
