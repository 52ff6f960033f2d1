"""The bundle that a benchmark runs: built from a checkpoint, from random weights, or there already."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from ...compile.bundle import MANIFEST
from ...compile.errors import UserError
from ...compile.progress import Progress, Report
from ...compile.published import published_config
from ...compile.random_checkpoint import vocabulary_of, write_random_checkpoint
from ...compile.random_tokenizer import grow_tokenizer
from .results import Build

RANDOM = "random:"
RANDOM_SOURCE = "random-weights"  # what the manifest of random weights calls their checkpoint
# Any tokenizer and template make a random checkpoint whole; only one as large as the real ones takes as long to load.
DEMO = Path(__file__).parents[2] / "compile" / "demo" / "checkpoint"


def compiled(model: str, layers: int | None, folder: Path, report: Report) -> tuple[Path, Build | None]:
    """The model's bundle, alone among the models of the folder; and what it took to build, if it was not there yet."""
    if layers is not None and not model.startswith(RANDOM):
        raise UserError(f"--layers cuts random weights, and {model} has its own; leave it out or name random:0.8B.")
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
    command = [sys.executable, "-m", "windowseat.site_builder", "build", source, "--out", str(models)]
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", MEASURED, *command], capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if done.returncode:
        raise UserError(done.stderr.strip().rpartition("\n")[2].removeprefix("windowseat: "))
    return seconds, int(done.stdout) * (1 if sys.platform == "darwin" else 1024)
