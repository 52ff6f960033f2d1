"""What the config.json of published models says of their sizes, by name: random checkpoints need no download."""

import json
from pathlib import Path
from typing import Any

from .errors import UserError

FAMILIES = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
PUBLISHED: dict[str, dict[str, Any]] = {
    name: {**family["common"], **sizes} for family in FAMILIES for name, sizes in family["sizes"].items()
}


def published_config(name: str) -> dict[str, Any]:
    """A model's config, of Qwen 3.5 if the name is only a size; UserError lists the names that there are."""
    if name not in PUBLISHED:
        raise UserError(f"There is no built-in config {name!r}; choose one of {', '.join(PUBLISHED)}.")
    return dict(PUBLISHED[name])
