"""The bundle that a benchmark runs: built from a checkpoint, from random weights, or there already."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...compile.build import read_model
from ...compile.bundle import MANIFEST
from ...compile.checkpoint import find_checkpoint
from ...compile.errors import UserError
from ...compile.models.layers import Model
from ...compile.progress import Progress, Report
from ...compile.published import published_config
from ...compile.random_checkpoint import vocabulary_of, write_random_checkpoint
from ...compile.random_tokenizer import grow_tokenizer
from .results import Build

RANDOM = "random:"
RANDOM_SOURCE = "random-weights"  # what the manifest of random weights calls their checkpoint
# Any tokenizer and template make a random checkpoint whole; only one as large as the real ones takes as long to load.
DEMO = Path(__file__).parents[2] / "compile" / "demo" / "checkpoint"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a model before it is built."""

    positions: int  # tokens that it holds at most
    variants: tuple[str, ...]  # empty: all will be built


def check_model(model: str, layers: int | None, report: Report) -> Known:
    """UserError if there is no such model, or it cannot be cut to so many layers; reads no weight."""
    if layers is not None and not model.startswith(RANDOM):
        raise UserError(f"--layers cuts random weights, and {model} has its own; leave it out or name random:0.8B.")
    if model.startswith(RANDOM):
        return Known(_positions(published_config(model.removeprefix(RANDOM)), model), ())
    if (manifest := Path(model, MANIFEST)).is_file():
        content = json.loads(manifest.read_text("utf-8"))
        return Known(content["context"]["max"], tuple(each["name"] for each in content["variants"]))
    with find_checkpoint(model, report) as checkpoint:
        return Known(_positions(checkpoint.config, model), ())


def _positions(config: Mapping[str, object], source: str) -> int:
    _, architecture, cfg = read_model(config, source)
    model: Model = architecture.model(cfg)
    return model.positions


def compiled(model: str, layers: int | None, folder: Path, report: Report) -> tuple[Path, Build | None]:
    """The model's bundle, alone among the models of the folder; and what it took to build, if it was not there yet."""
    models = folder / "models"
    models.mkdir()
    there = Path(model).resolve()
    if (there / MANIFEST).is_file():
        (models / there.name).symlink_to(there)
        return models / there.name, None
    source = model
    if model.startswith(RANDOM):
        source = str(folder / RANDOM_SOURCE)
        report(Progress(f"Writing {model}", 0, 1, "checkpoint"))
        config = published_config(model.removeprefix(RANDOM))
        write_random_checkpoint(config, Path(source), layers=layers, tokenizer=DEMO)
        grow_tokenizer(Path(source, "tokenizer.json"), vocabulary_of(config))
    report(Progress(f"Building {model}", 0, 1, "bundle"))
    seconds, peak = _timed_build(source, models)
    if source != model:
        shutil.rmtree(source)
    (bundle,) = models.iterdir()
    return bundle, Build(seconds, peak, sum(file.stat().st_size for file in bundle.iterdir()))


# Linux counts what its parent held to the peak of a process, so the build's parent is a process that holds nothing.
MEASURED = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def _timed_build(source: str, models: Path) -> tuple[float, int]:
    """Seconds and peak bytes of `windowseat build`, all of it."""
    # Without -P a folder named windowseat where the person stands would be taken for the package.
    command = [sys.executable, "-P", "-m", "windowseat.site_builder", "build", source, "--out", str(models)]
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", MEASURED, *command], capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise UserError(done.stderr.strip().rpartition("\n")[2].removeprefix("windowseat: "))
    return seconds, int(done.stdout) * (1 if sys.platform == "darwin" else 1024)
