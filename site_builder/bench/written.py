"""A benchmark as a file: bench.schema.json is its form."""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import jsonschema

from ...compile.errors import UserError
from .results import Benchmark


def schema() -> Any:
    """The written form of a benchmark."""
    return json.loads(Path(__file__).with_name("bench.schema.json").read_text("utf-8"))


def check_writable(path: Path) -> None:
    """UserError unless a benchmark can be written there: measuring takes minutes. Makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise UserError(f"{path} cannot be written; name another file with --json")


def write(benchmark: Benchmark, path: Path) -> None:
    """The benchmark as JSON, held against its schema."""
    content = asdict(benchmark)
    jsonschema.validate(content, schema())
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def read(path: Path) -> dict[str, Any]:
    """A benchmark that was written before; UserError if it is none."""
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        jsonschema.validate(content, schema())
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}); name a file that bench --json wrote.") from error
    except (ValueError, jsonschema.ValidationError) as error:
        reason = error.message if isinstance(error, jsonschema.ValidationError) else str(error)
        raise UserError(f"{path} is no benchmark of this version ({reason[:120]}); measure again.") from error
    return content
