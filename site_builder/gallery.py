"""The examples of the gallery: what a visitor fills in. Their code is web/examples/, their words texts/."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..compile.errors import UserError


@dataclass(frozen=True, slots=True)
class Example:
    """One form: its fields have the names that web/src/site/examples.ts reads."""

    name: str  # of its file in web/examples, and of its words: NAME_title, NAME_about, NAME_label and NAME_action
    text: str  # that goes in
    choices: Sequence[str] = ()  # of a language


EXAMPLES = (
    Example(
        "summarise",
        "The harbour was built in 1872 to ship timber. When the railway came, the timber went by train, and the "
        "harbour stood empty for thirty years. Today it is full of small sailing boats, and the old warehouses are "
        "workshops, cafés and a school for boat builders.",
    ),
    Example("translate", "hello", ("Japanese", "Spanish", "German", "Chinese", "Arabic", "French")),
    Example("extract", "name Ada, age 36 and city London"),
    Example("weather", "What is the weather in Paris?"),
)


def read_code(folder: Path) -> dict[str, str]:
    """The code of each example, by its name."""
    paths = {example.name: folder / f"{example.name}.ts" for example in EXAMPLES}
    if missing := [path for path in paths.values() if not path.is_file()]:
        raise UserError(f"{missing[0]} is missing; build the TypeScript first: make build")
    return {name: path.read_text("utf-8") for name, path in paths.items()}
