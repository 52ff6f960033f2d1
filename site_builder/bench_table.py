"""What `windowseat bench` measured, as tables."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from .bench import Benchmark, Comparison, Result
from .bench.results import Figure, KernelFigures, PromptFigures

KERNELS = 8  # of a stretch, the slowest ones; the JSON has them all
GIGA = 1e9


def print_benchmark(benchmark: Benchmark) -> None:
    """The figures of every result, and its slowest kernels."""
    console = Console()
    machine = benchmark.machine
    memory = f"{machine.memory_bytes / 2**30:.0f} GiB"
    console.print(f"{machine.processor}, {machine.cores} cores, {memory}, {machine.system}", highlight=False)
    _print_speed(console, benchmark.results)
    for result in benchmark.results:
        _print_kernels(console, result)
    for line in dict.fromkeys(_about(result) for result in benchmark.results):
        console.print(line, highlight=False)


def print_comparison(comparison: Comparison) -> None:
    """Every figure before and now."""
    console = Console()
    if comparison.apart:
        console.print(f"Only counts and bytes are compared: {comparison.apart}.", highlight=False)
    for reason in comparison.left_out:
        console.print(f"Not compared: {reason}.", highlight=False)
    table = Table("model", "runtime", "figure", "before", "now", "ratio", "noise", "", title="Compared")
    for change in comparison.changes:
        verdict = {"worse": "[bold]WORSE[/bold]", "better": "better", "same": ""}[change.verdict]
        figures = (f"{change.before:.6g}", f"{change.now:.6g}", f"{change.ratio:.2f}", f"±{change.threshold:.0%}")
        table.add_row(change.model, change.runtime, change.what, *figures, verdict)
    console.print(table)


Rows = dict[str, Callable[[Result, PromptFigures], str]]

SPEED: Rows = {
    "load ms": lambda r, _: f"{r.load_ms:,.0f}",
    "from storage: load, first token ms": lambda r, _: _warm(r),
    "allowed for that first token, ms": lambda r, _: f"{r.warm_load.limit_ms:,.0f}" if r.warm_load else "",
    "first run after load, ms": lambda r, _: f"{r.first_run_ms:,.0f}",
    "first token ms": lambda _, p: _figure(p.first_token_ms, 0),
    "prefill tok/s": lambda _, p: _figure(p.prefill_tokens_per_s, 1),
    "decode tok/s": lambda _, p: _figure(p.decode_tokens_per_s, 1),
    "tokens decoded": lambda _, p: str(p.decoded),
    "JS ms per token": lambda _, p: _figure(p.js_ms_per_token, 2),
    "MB read and written per token": lambda _, p: f"{p.bytes_per_token / 1e6:,.1f}",
    "share of bandwidth, decode": lambda _, p: f"{p.bandwidth_share:.1%}",
    "share of plain matmul, prefill": lambda _, p: f"{p.matmul_share:.1%}",
    "dispatches per token": lambda r, _: f"{r.costs.dispatches:g}",
    "submits per token": lambda r, _: f"{r.costs.submits:g}",
    "bind groups, buffers, pipelines": lambda r, _: (
        f"{r.costs.bind_groups:g}, {r.costs.buffers:g}, {r.costs.pipelines:g}"
    ),
    "GPU MB": lambda r, _: f"{r.gpu_memory_bytes / 1e6:,.1f}",
    "the adapter reads GB/s": lambda r, _: f"{r.ceiling('bandwidth') / GIGA:,.1f}",
    "it multiplies GFLOP/s": lambda r, _: f"{r.ceiling('matmul') / GIGA:,.1f}",
}


def _print_speed(console: Console, results: Sequence[Result]) -> None:
    table = Table("median, ± quartiles, (runs)")
    for result in results:
        for prompt in result.prompts:
            weights = " (random weights)" if result.random_weights else ""
            where = f"{result.runtime}, {result.variant}, prompt {prompt.tokens}"
            table.add_column(f"{result.model}{weights}: {where}", justify="right")
    for name, show in SPEED.items():
        table.add_row(name, *(show(result, prompt) for result in results for prompt in result.prompts))
    console.print(table)


def _warm(result: Result) -> str:
    warm = result.warm_load
    return f"{warm.load_ms:,.0f}, {warm.first_token_ms:,.0f}" if warm else ""


def _figure(figure: Figure, digits: int) -> str:
    strayed = f" ±{figure.spread:.0%}" if figure.runs > 1 else ""
    return f"{figure.median:,.{digits}f}{strayed} ({figure.runs})"


def _print_kernels(console: Console, result: Result) -> None:
    profile = result.profile
    for stretch, kernels, tokens in (
        ("prefill", profile.prefill, profile.prompt_tokens),
        ("decode", profile.decode, profile.decode_tokens),
    ):
        total = sum(each.ms for each in kernels)
        where = f"{result.model}, {result.runtime}, {stretch} of {tokens} tokens"
        table = Table(title=f"{where}: {total:,.1f} ms in kernels, timed by {profile.method}")
        table.add_column("kernel", overflow="fold")
        for heading in ("launches", "ms", "share", "weights GB/s", "GFLOP/s"):
            table.add_column(heading, justify="right")
        for each in kernels[:KERNELS]:
            table.add_row(each.kernel, str(each.count), f"{each.ms:,.2f}", f"{each.share:.0%}", *_rates(each))
        rest = kernels[KERNELS:]
        if rest:
            count, ms = sum(each.count for each in rest), sum(each.ms for each in rest)
            table.add_row(f"{len(rest)} more", str(count), f"{ms:,.2f}", f"{ms / total:.0%}", "", "")
        console.print(table)


def _rates(each: KernelFigures) -> tuple[str, str]:
    weights = each.weight_bytes / each.ms * 1000 / GIGA if each.ms else 0.0
    return (f"{weights:.2f}" if weights else "", f"{each.flop_per_s / GIGA:.2f}" if each.flop else "")


def _about(result: Result) -> str:
    kind = ", a software adapter: no measure of a GPU" if result.adapter.software else ""
    built = ""
    if result.build:
        peak, size = result.build.peak_bytes / 1e6, result.build.bundle_bytes / 1e6
        built = f"; {result.model} built in {result.build.seconds:.1f} s with {peak:.0f} MB of memory: {size:.1f} MB"
    return f"{result.runtime} {result.runtime_version}: {result.adapter.description}{kind}{built}"
