"""Shows Progress values as bars on a terminal."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from ..compile.progress import Progress as Value
from ..compile.progress import Report

MEGABYTE = 1e6
SHOWN_AFTER = 0.5  # seconds: shorter work needs no bar


class Amount(ProgressColumn):
    """ "12.3 of 30.1 MB" or "4 of 9 kernels"."""

    def render(self, task: Task) -> Text:
        """The amount done, in the unit of the report."""
        unit = task.fields["unit"]
        if unit == "bytes":
            return Text(f"{task.completed / MEGABYTE:.1f} of {(task.total or 0) / MEGABYTE:.1f} MB")
        return Text(f"{task.completed:.0f} of {task.total or 0:.0f} {unit}")


class TimeLeft(TimeRemainingColumn):
    """ "0:01:23 left", from the speed of the last half minute."""

    def render(self, task: Task) -> Text:
        """The time that the rest will take at this speed; nothing at the end."""
        return Text() if task.finished else super().render(task) + Text(" left")


@contextmanager
def progress_bars() -> Iterator[Report]:
    """A report function; each stage it hears of gets a bar of its own, on stderr."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), Amount(), TimeLeft())
    # Without a terminal nothing is drawn: logs stay free of half bars.
    bars = Progress(*columns, console=console, disable=not sys.stderr.isatty())
    tasks: dict[str, TaskID] = {}
    start = time.monotonic()
    shown = False

    def report(value: Value) -> None:
        nonlocal shown
        if value.stage not in tasks:
            # What was there at the start, as after a build that was ended early, says nothing of the speed.
            tasks[value.stage] = bars.add_task(value.stage, completed=value.done, total=value.total, unit=value.unit)
        bars.update(tasks[value.stage], completed=value.done, total=value.total)
        if not shown and time.monotonic() - start > SHOWN_AFTER:
            bars.start()
            shown = True

    try:
        yield report
    finally:
        bars.stop()
