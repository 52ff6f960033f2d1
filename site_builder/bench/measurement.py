"""The measurements: build time and memory, load, prefill, decode, and what a token costs in calls to WebGPU."""

import json
import multiprocessing
import os
import platform
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from ...compile import build as compiler
from ...compile.errors import UserError
from ...compile.progress import Progress, Report
from ...compile.published import published_config
from ...compile.random_checkpoint import write_random_checkpoint
from ..site import SCRIPTS, build_site
from ..verify import runtimes
from ..verify.runtimes import Unsupported

RANDOM = "random:"
# Any tokenizer and template make a random checkpoint whole.
DEMO = Path(__file__).parents[2] / "compile" / "demo" / "checkpoint"


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may choose about a benchmark."""

    prompts: tuple[int, ...] = (64,)  # tokens
    decode: int = 32  # tokens
    runtimes: tuple[str, ...] = ("chromium",)
    variant: str | None = None  # None: the one that the runtime chooses
    layers: int | None = None  # of a random checkpoint; None: all


@dataclass(frozen=True, slots=True)
class Result:
    """One model in one runtime with one length of prompt. Times are in seconds."""

    model: str
    random_weights: bool
    runtime: str
    variant: str
    adapter: str
    software: bool
    build_s: float
    build_peak_mb: float
    bundle_mb: float
    load_s: float
    prompt_tokens: int
    first_token_s: float
    prefill_tokens_per_s: float
    decode_tokens_per_s: float
    dispatches: float  # this and the following: per decoded token
    submits: float
    bind_groups: float
    buffers: float
    pipelines: float


def bench(models: list[str], options: Options, report: Report) -> Iterator[Result]:
    """Builds each model in a process of its own and runs it; yields a result for each runtime and prompt."""
    for model in models:
        with tempfile.TemporaryDirectory(prefix="windowseat-bench-") as temporary:
            yield from _bench(model, Path(temporary), options, report)


def _bench(model: str, folder: Path, options: Options, report: Report) -> Iterator[Result]:
    source = model
    if model.startswith(RANDOM):
        source = str(folder / "checkpoint")
        report(Progress(f"Writing {model}", 0, 1, "checkpoint"))
        config = published_config(model.removeprefix(RANDOM))
        write_random_checkpoint(config, Path(source), layers=options.layers, tokenizer=DEMO)
    report(Progress(f"Building {model}", 0, 1, "bundle"))
    seconds, peak = _timed_build(source, folder / "models")
    bundle = folder / "models" / "model"
    manifest = json.loads((bundle / "bundle.json").read_text())
    with ExitStack() as stack:
        for name in options.runtimes:
            if name == "node":
                runtime = stack.enter_context(runtimes.node(bundle, SCRIPTS / "node_driver.mjs"))
            else:
                site = build_site(folder / "models", folder / "site", report)
                runtime = stack.enter_context(runtimes.chromium(site, "model"))
            report(Progress(f"Loading {model} in {name}", 0, 1, "model"))
            started = time.perf_counter()
            try:
                loaded = runtime.load(options.variant, manifest["context"]["default"])
            except Unsupported as reason:
                raise UserError(str(reason)) from reason
            load_s = time.perf_counter() - started
            for prompt in options.prompts:
                report(Progress(f"{model} in {name}", 0, len(options.prompts), "prompts"))
                measured = runtime.bench(prompt, options.decode)
                calls = measured["perToken"]
                yield Result(
                    model=model,
                    random_weights=model.startswith(RANDOM),
                    runtime=name,
                    variant=loaded.variant,
                    adapter=loaded.adapter,
                    software=any(word in loaded.adapter.lower() for word in ("swiftshader", "llvmpipe", "lavapipe")),
                    build_s=seconds,
                    build_peak_mb=peak,
                    bundle_mb=sum(file["bytes"] for file in manifest["files"]) / 1e6,
                    load_s=load_s,
                    prompt_tokens=prompt,
                    first_token_s=measured["prefillMs"] / 1000,
                    prefill_tokens_per_s=1000 * prompt / measured["prefillMs"],
                    decode_tokens_per_s=measured["tokensPerSecond"],
                    dispatches=calls["dispatches"],
                    submits=calls["submits"],
                    bind_groups=calls["bindGroups"],
                    buffers=calls["buffers"],
                    pipelines=calls["pipelines"],
                )


def _timed_build(source: str, models: Path) -> tuple[float, float]:
    """Seconds and peak megabytes of a build, in a process of its own so that its memory is its own."""
    context = multiprocessing.get_context("spawn")
    answers = context.SimpleQueue()
    process = context.Process(target=_build, args=(source, models, answers))
    process.start()
    process.join()
    if process.exitcode or answers.empty():
        raise UserError(f"{source} could not be built; see: windowseat build {source}")
    seconds, peak = answers.get()
    return seconds, peak


def _build(source: str, models: Path, answers: "multiprocessing.SimpleQueue[tuple[float, float]]") -> None:
    started = time.perf_counter()
    compiler.build(source, models, compiler.Options(name="model"), lambda _: None)
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answers.put((time.perf_counter() - started, kilobytes / 1000))


def write_results(results: list[Result], path: Path) -> None:
    """The results as JSON, with the machine they are from."""
    machine = {"processor": _processor(), "cores": os.cpu_count(), "system": platform.platform()}
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine, "results": [asdict(result) for result in results]}
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
