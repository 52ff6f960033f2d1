"""What `windowseat bench` measured, as tables."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from .bench import Result

Columns = dict[str, Callable[[Result], str]]

SPEED: Columns = {
    "prompt": lambda r: str(r.prompt_tokens),
    "load s": lambda r: f"{r.load_s:.1f}",
    "first token s": lambda r: f"{r.first_token_s:.2f}",
    "prefill tok/s": lambda r: f"{r.prefill_tokens_per_s:.1f}",
    "decode tok/s": lambda r: f"{r.decode_tokens_per_s:.1f}",
}
CALLS: Columns = {
    "dispatches": lambda r: f"{r.dispatches:g}",
    "submits": lambda r: f"{r.submits:g}",
    "bind groups": lambda r: f"{r.bind_groups:g}",
    "buffers": lambda r: f"{r.buffers:g}",
    "pipelines": lambda r: f"{r.pipelines:g}",
}


def print_results(results: Sequence[Result]) -> None:
    """Builds, speeds, and calls per decoded token."""
    console = Console()
    for result in {result.model: result for result in results}.values():
        marks = " (random weights)" if result.random_weights else ""
        console.print(
            f"{result.model}{marks}: built in {result.build_s:.1f} s with {result.build_peak_mb:.0f} MB of memory;"
            f" {result.bundle_mb:.1f} MB"
        )
    for title, columns in (("Speed", SPEED), ("Calls per decoded token", CALLS)):
        table = Table("model", "runtime", "variant", *columns, title=title)
        for result in results:
            row = [show(result) for show in columns.values()]
            table.add_row(result.model, result.runtime, result.variant, *row)
        console.print(table)
    for line in dict.fromkeys(
        f"{r.runtime}: {r.adapter}{', a software adapter: no measure of a GPU' if r.software else ''}" for r in results
    ):
        console.print(line)
