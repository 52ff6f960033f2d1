"""What `windowseat verify` found, as a table."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from .verify import Check


def print_checks(checks: Sequence[Check]) -> None:
    """A row for each runtime and variant that ran, and a sentence for each that did not."""
    table = Table(title="Largest difference from transformers on the same weights")
    for heading in ("runtime", "variant", "error / max |logit|", "bound", "positions", "same text", ""):
        table.add_column(heading)
    ran = [check for check in checks if not check.unsupported]
    for check in ran:
        texts = f"{check.same_texts} of {check.texts}"
        verdict = "passed" if check.passed else "[bold]FAILED[/bold]"
        figures = (f"{check.error:.1e}", f"{check.bound:.0e}", str(check.positions), texts)
        table.add_row(check.runtime, check.variant, *figures, verdict)
    console = Console()
    console.print(table)
    for adapter in dict.fromkeys(f"{check.runtime} ran on {check.adapter}" for check in ran):
        console.print(adapter)
    for check in checks:
        if check.unsupported:
            console.print(f"{check.runtime}, {check.variant}: not run: {check.unsupported}")
