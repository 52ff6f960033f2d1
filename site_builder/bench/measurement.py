"""The measurements: ceilings of the adapter, load, prefill, decode, calls and GPU time by kernel, for each model."""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from ...compile.errors import UserError
from ...compile.progress import Progress, Report
from .. import runtimes
from ..runtimes import Runtime, Unsupported
from ..site import SCRIPTS, build_site
from . import ceilings
from .compiled import RANDOM, RANDOM_SOURCE, check_model, compiled
from .machine import this_commit, this_machine
from .results import (
    Adapter,
    Benchmark,
    Ceiling,
    Figure,
    KernelFigures,
    Profile,
    PromptFigures,
    Result,
    TokenCosts,
    figure,
)
from .warm_load import measure_warm_load
from .work import Accounts, Call, Work, chunks

REPEATS = 5  # runs that count, of one prompt
BUDGET_S = 60.0  # no prompt is repeated for longer, and no run decodes for longer than half of it
PROFILED = 512  # tokens: the longest prompt up to this one is profiled, for that takes a prefill more
PROFILED_STEPS = 8  # of decode
SPARE = 8  # positions past the last token decoded: steps whose calls are counted


@dataclass(frozen=True, slots=True)
class Options:
    """What a person may choose about a benchmark."""

    prompts: tuple[int, ...] = (64, 512)  # tokens
    decode: int = 128  # tokens
    browsers: tuple[str, ...] = ("chromium",)  # chromium, node
    variant: str | None = None  # None: the one that the runtime chooses
    layers: int | None = None  # of random weights; None: all
    budget_s: float = BUDGET_S
    warm_loads: int = 2  # the best counts


def bench(
    models: Sequence[str], options: Options, report: Report, keep: Callable[[Benchmark], object] = lambda _: None
) -> Benchmark:
    """Everything about each model in each runtime; `keep` gets what there is after each, for one may take an hour."""
    for model in models:
        _check(model, options, report)
    measured = Benchmark("", this_commit(), this_machine(), [])
    for model in models:
        for result in results_of(model, options, report):
            now = datetime.now(UTC).isoformat(timespec="seconds")
            measured = replace(measured, date=now, results=[*measured.results, result])
            keep(measured)
    return measured


def _check(model: str, options: Options, report: Report) -> None:
    """UserError for what can be known of a model before it is built."""
    known = check_model(model, options.layers, report)
    if known.variants and options.variant not in (None, *known.variants):
        names = ", ".join(known.variants)
        raise UserError(f"{model} has no variant {options.variant!r}; it has {names}: choose one, or compile it again.")
    context = max(options.prompts) + options.decode + SPARE
    if context > known.positions:
        raise UserError(
            f"{model} holds {known.positions} tokens; a prompt of {max(options.prompts)} and {options.decode} tokens"
            f" after it need {context}: choose a shorter --prompt or --decode."
        )


def results_of(model: str, options: Options, report: Report) -> Iterator[Result]:
    """What each runtime makes of a model."""
    with tempfile.TemporaryDirectory(prefix="windowseat-bench-") as temporary:
        folder = Path(temporary)
        bundle, build = compiled(model, options.layers, folder, report)
        manifest = json.loads((bundle / "bundle.json").read_text("utf-8"))
        for name in options.browsers:
            with ExitStack() as stack:
                if name == "node":
                    runtime = stack.enter_context(runtimes.node(bundle, SCRIPTS / "node_driver.mjs"))
                else:
                    site = build_site(bundle.parent, folder / "site", report)
                    runtime = stack.enter_context(runtimes.chromium(site, bundle.name))
                result = _Bench(model, bundle, manifest, runtime, options, report).run(build)
            if name == "chromium" and options.warm_loads:
                report(Progress(f"{model} in {name}: loading from storage", 0, 1, "loads"))
                loaded = measure_warm_load(folder / "site", bundle.name, result.variant, options.warm_loads)
                result = replace(result, warm_load=loaded)
            yield result


class _Bench:
    def __init__(
        self, model: str, bundle: Path, manifest: Any, runtime: Runtime, options: Options, report: Report
    ) -> None:
        self._model, self._bundle, self._manifest = model, bundle, manifest
        self._runtime, self._options, self._report = runtime, options, report

    def run(self, build: Any) -> Result:
        options, manifest = self._options, self._manifest
        self._say("what the adapter can do")
        said = self._runtime.ask("adapter")
        adapter = Adapter(said["description"], said["software"], said["f16"], said["timestamps"])
        tops = self._ceilings(adapter)
        self._say("loading")
        variant, load_ms = self._load(max(options.prompts) + options.decode + SPARE)
        accounted = self._read("report.json")["variants"][variant]
        (plan,) = (each["plan"] for each in manifest["variants"] if each["name"] == variant)
        accounts = Accounts(manifest, self._read(plan))
        runs: dict[int, list[dict[str, Any]]] = {}
        first_run_ms, pace = 0.0, 0.0  # seconds a token
        for tokens in sorted(options.prompts):
            runs[tokens] = self._runs(tokens, pace * tokens)
            first_run_ms = first_run_ms or runs[tokens][0]["prefillMs"]
            pace = runs[tokens][-1]["prefillMs"] / 1000 / tokens
        last = runs[max(runs)][-1]
        costs = _costs(accounted, last["perToken"])
        # A run that warms up counts only if it took all the time that there was.
        counting = [runs[tokens][1:] or runs[tokens] for tokens in options.prompts]
        return Result(
            model=self._model,
            random_weights=self._model.startswith(RANDOM) or manifest["model"]["source"] == RANDOM_SOURCE,
            quantisation=manifest["quantisation"],
            parameters=manifest["model"]["parameters"],
            runtime=self._runtime.name,
            runtime_version=self._runtime.version,
            adapter=adapter,
            variant=variant,
            build=build,
            load_ms=load_ms,
            warm_load=None,
            first_run_ms=first_run_ms,
            gpu_memory_bytes=last["memoryBytes"],
            ceilings=tops,
            costs=costs,
            prompts=[self._figures(each, accounts, costs, tops) for each in counting],
            profile=self._profile(accounts),
        )

    def _say(self, what: str) -> None:
        self._report(Progress(f"{self._model} in {self._runtime.name}: {what}", 0, 1, "steps"))

    def _read(self, name: str) -> Any:
        return json.loads((self._bundle / name).read_text("utf-8"))

    def _ceilings(self, adapter: Adapter) -> list[Ceiling]:
        chosen = ceilings.candidates(adapter)
        samples = self._runtime.ask("time", plan=json.dumps(ceilings.plan(chosen, adapter)))["samples"]
        return ceilings.ceilings(chosen, samples)

    def _load(self, context: int) -> tuple[str, float]:
        try:
            loaded = self._runtime.load(self._options.variant, context)
        except Unsupported as reason:
            raise UserError(str(reason)) from reason
        return loaded.variant, loaded.ms

    def _runs(self, tokens: int, expected_s: float) -> list[dict[str, Any]]:
        """Runs of one prompt, the first of them to warm up."""
        options = self._options
        about = f", about {expected_s:.0f} s each" if expected_s > 5 else ""
        runs: list[dict[str, Any]] = []
        end = time.monotonic() + options.budget_s
        decode_ms = round(1000 * max(1, options.budget_s / 2))
        while len(runs) <= REPEATS and (not runs or time.monotonic() < end):
            stage = f"{self._model} in {self._runtime.name}: {tokens} tokens{about}"
            self._report(Progress(stage, len(runs), REPEATS + 1, "runs"))
            runs.append(self._runtime.ask("bench", prompt=tokens, decode=options.decode, decodeMs=decode_ms))
        return runs

    def _figures(
        self, runs: list[dict[str, Any]], accounts: Accounts, costs: TokenCosts, tops: list[Ceiling]
    ) -> PromptFigures:
        tokens = runs[0]["promptTokens"]
        decoded = min(len(run["tokenMs"]) for run in runs)
        first = figure([run["prefillMs"] for run in runs])
        speed = figure([1000 * len(run["tokenMs"]) / sum(run["tokenMs"]) for run in runs])
        read = costs.weight_bytes + costs.state_bytes + costs.activation_bytes
        read += costs.cache_bytes_per_position * (tokens + decoded // 2)
        flop = sum(work.products for work in accounts.prompt(chunks(tokens, 1)).values())
        best = {kind: max(top.per_second for top in tops if top.kind == kind) for kind in ("bandwidth", "matmul")}
        return PromptFigures(
            tokens=tokens,
            decoded=decoded,
            first_token_ms=first,
            prefill_tokens_per_s=Figure(
                1000 * tokens / first.median, 1000 * tokens / first.high, 1000 * tokens / first.low, first.runs
            ),
            decode_tokens_per_s=speed,
            js_ms_per_token=figure([median(run["jsMs"]) for run in runs]),
            bytes_per_token=read,
            bandwidth_share=read * speed.median / best["bandwidth"],
            prefill_flop=flop,
            matmul_share=flop / (first.median / 1000) / best["matmul"],
        )

    def _profile(self, accounts: Accounts) -> Profile:
        options = self._options
        tokens = max((n for n in options.prompts if n <= PROFILED), default=min(options.prompts))
        self._say(f"GPU time by kernel, {tokens} tokens")
        found = self._runtime.ask("profile", prompt=tokens, decode=PROFILED_STEPS)
        counts = {each["kernel"]: each["count"] for each in found["prefill"]}
        prompt = accounts.prompt(chunks(tokens, accounts.chunks_of(counts)))
        steps = accounts.decoding([Call(tokens + i, 1) for i in range(PROFILED_STEPS)])
        return Profile(
            method=found["method"],
            prompt_tokens=tokens,
            decode_tokens=PROFILED_STEPS,
            prefill=_kernels(found["prefill"], prompt),
            decode=_kernels(found["decode"], steps),
        )


def _costs(accounted: dict[str, int], counted: dict[str, float]) -> TokenCosts:
    return TokenCosts(
        dispatches=counted["dispatches"],
        submits=counted["submits"],
        bind_groups=counted["bindGroups"],
        buffers=counted["buffers"],
        pipelines=counted["pipelines"],
        weight_bytes=accounted["weight_bytes_per_token"],
        state_bytes=accounted["state_bytes_per_token"],
        activation_bytes=accounted["activation_bytes_per_token"],
        cache_bytes_per_position=accounted["cache_bytes_per_position"],
    )


def _kernels(times: list[dict[str, Any]], works: dict[str, Work]) -> list[KernelFigures]:
    """Times and work of each kernel, the slowest first."""
    total = sum(each["ms"] for each in times)
    figures = []
    for each in sorted(times, key=lambda each: -each["ms"]):
        work = works.get(each["kernel"], Work())
        figures.append(
            KernelFigures(
                kernel=each["kernel"],
                count=each["count"],
                ms=each["ms"],
                share=each["ms"] / total if total else 0.0,
                flop=work.products + work.recurrence,
                bytes=work.bytes,
                weight_bytes=work.weight_bytes,
            )
        )
    return figures
