"""The examples of the gallery: what a visitor reads and fills in. Their code is web/examples/."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..compile.errors import UserError


@dataclass(frozen=True, slots=True)
class Example:
    """One form: its fields have the names that web/src/site/examples.ts reads."""

    name: str  # of its file in web/examples
    title: str
    about: str
    label: str  # of the text that goes in
    text: str
    action: str
    choices: Sequence[str] = ()  # of a language


EXAMPLES = (
    Example(
        name="summarise",
        title="Summarise",
        about="A long text in one sentence, which appears while it is being written.",
        label="Text",
        text=(
            "The harbour was built in 1872 to ship timber. When the railway came, the timber went by train, and the "
            "harbour stood empty for thirty years. Today it is full of small sailing boats, and the old warehouses are "
            "workshops, cafés and a school for boat builders."
        ),
        action="Summarise",
    ),
    Example(
        name="translate",
        title="Translate",
        about="A few words in another language. What you write is translated here, and not by a service.",
        label="Words",
        text="hello",
        action="Translate",
        choices=("Japanese", "Spanish", "German", "Chinese", "Arabic", "French"),
    ),
    Example(
        name="extract",
        title="Extract JSON",
        about="A sentence goes in; an object comes out that a program can read.",
        label="Facts",
        text="name Ada, age 36 and city London",
        action="Extract",
    ),
    Example(
        name="weather",
        title="Call a tool",
        about="The model asks for a function of the page, gets its result, and answers with it.",
        label="Question",
        text="What is the weather in Paris?",
        action="Ask",
    ),
)


def read_code(folder: Path) -> dict[str, str]:
    """The code of each example, by its name."""
    paths = {example.name: folder / f"{example.name}.ts" for example in EXAMPLES}
    if missing := [path for path in paths.values() if not path.is_file()]:
        raise UserError(f"{missing[0]} is missing; build the TypeScript first: make build")
    return {name: path.read_text("utf-8") for name, path in paths.items()}
