"""`windowseat bench` on the demo model in Chromium: every figure it promises, its picture, and its comparison."""

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from windowseat.compile.errors import UserError
from windowseat.site_builder import bench as benchmarks
from windowseat.site_builder import cli
from windowseat.site_builder.bench import Benchmark, Options, Result, measurement
from windowseat.site_builder.bench.compiled import Known, compiled
from windowseat.site_builder.bench.results import Figure, figure
from windowseat.site_builder.bench_table import print_benchmark, print_comparison

from tests.compile.tiny_model import write_tiny
from tests.lavapipe import Lavapipe

BUNDLE = Path(__file__).parents[2] / "dist" / "models" / "demo"
CIRCLE = "{http://www.w3.org/2000/svg}circle"


@pytest.fixture(scope="module")
def measured(lavapipe: Lavapipe | None) -> Benchmark:
    """One run of a short prompt; one measurement serves every test, for it takes seconds."""
    options = Options(prompts=(24,), decode=6, budget_s=0.0, warm_loads=0)
    # Playwright runs once in a thread, and in this one it may run already.
    with pytest.MonkeyPatch.context() as environment, ThreadPoolExecutor(1) as other_thread:
        for name, value in (lavapipe.chromium if lavapipe else {}).items():
            environment.setenv(name, value)
        return other_thread.submit(benchmarks.bench, [str(BUNDLE)], options, lambda _: None).result()


@pytest.fixture
def written(measured: Benchmark, tmp_path: Path) -> Path:
    """The measurement as a file."""
    benchmarks.write(measured, tmp_path / "bench.json")  # raises if it does not keep to the schema
    return tmp_path / "bench.json"


def test_speed_and_costs_are_measured(measured: Benchmark) -> None:
    (result,) = measured.results
    (prompt,) = result.prompts
    assert (result.variant, result.adapter.software, result.build) == ("software", True, None)
    assert (prompt.tokens, prompt.decoded, prompt.first_token_ms.runs) == (24, 5, 1)
    assert prompt.prefill_tokens_per_s.median == pytest.approx(24_000 / prompt.first_token_ms.median)
    assert 0 < prompt.js_ms_per_token.median < 1000 / prompt.decode_tokens_per_s.median
    costs = result.costs
    assert (costs.submits, costs.bind_groups, costs.buffers, costs.pipelines) == (1, 0, 0, 0)
    assert costs.dispatches == sum(each.count for each in result.profile.decode) / result.profile.decode_tokens
    assert result.gpu_memory_bytes > costs.weight_bytes


def test_bytes_and_arithmetic_are_those_of_the_model(measured: Benchmark) -> None:
    (result,) = measured.results
    (prompt,) = result.prompts
    steps = result.profile.decode_tokens
    assert sum(each.weight_bytes for each in result.profile.decode) / steps == pytest.approx(
        result.costs.weight_bytes, rel=0.05
    )
    # A parameter is multiplied and added once a token, but the head's only for the last; attention comes on top.
    head = 1024 * 128
    assert prompt.prefill_flop == pytest.approx(2 * 24 * (result.parameters - head), rel=0.05)
    assert prompt.bytes_per_token > result.costs.weight_bytes + result.costs.state_bytes
    assert prompt.bandwidth_share == pytest.approx(
        prompt.bytes_per_token * prompt.decode_tokens_per_s.median / result.ceiling("bandwidth")
    )
    assert prompt.matmul_share == pytest.approx(
        prompt.prefill_flop / prompt.first_token_ms.median * 1000 / result.ceiling("matmul")
    )


def test_gpu_time_is_told_by_kernel(measured: Benchmark) -> None:
    profile = measured.results[0].profile
    assert profile.method == "timestamp-query"
    for kernels in (profile.prefill, profile.decode):
        assert sum(each.share for each in kernels) == pytest.approx(1)
        products = [each for each in kernels if each.kernel.startswith(("matmul", "matvec"))]
        assert products
        assert all(each.flop > 0 and each.ms > 0 and each.bytes > 0 for each in products)
        assert any(each.flop > 0 for each in kernels if each.kernel.startswith("attention"))
        assert any(each.flop > 0 for each in kernels if "delta" in each.kernel)


def test_the_picture_has_a_mark_for_each_kernel_whose_arithmetic_is_counted(measured: Benchmark, written: Path) -> None:
    (picture,) = benchmarks.write_rooflines(measured.results, written)
    assert picture.name == "bench-demo-chromium.svg"
    root = ElementTree.parse(picture).getroot()
    marks = [circle for circle in root.iter(CIRCLE) if "kernel" in circle.attrib["class"].split()]
    profile = measured.results[0].profile
    assert len(marks) == sum(each.flop > 0 for each in (*profile.prefill, *profile.decode))
    assert all(0 < float(mark.attrib["cx"]) < 900 and 0 < float(mark.attrib["cy"]) < 560 for mark in marks)


def test_tables_name_the_software_adapter(measured: Benchmark, capsys: pytest.CaptureFixture[str]) -> None:
    print_benchmark(measured)
    shown = capsys.readouterr().out
    assert "software adapter" in shown
    assert "timestamp-query" in shown


def changed(measured: Benchmark, change: Callable[[Result], Result]) -> Benchmark:
    return replace(measured, results=[change(result) for result in measured.results])


def slower(result: Result) -> Result:
    """The same with half of the decode speed."""
    (prompt,) = result.prompts
    speed = prompt.decode_tokens_per_s
    return replace(result, prompts=[replace(prompt, decode_tokens_per_s=replace(speed, median=speed.median / 2))])


def test_a_comparison_finds_what_got_slower_and_nothing_else(
    measured: Benchmark, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = benchmarks.read(written)
    assert benchmarks.compare(before, measured).worse == []
    comparison = benchmarks.compare(before, changed(measured, slower))
    assert [change.what for change in comparison.worse] == ["decode tokens per s with a prompt of 24"]
    assert comparison.worse[0].ratio == pytest.approx(0.5)
    print_comparison(comparison)
    assert "WORSE" in capsys.readouterr().out


def test_a_difference_within_the_noise_is_none(measured: Benchmark, written: Path) -> None:
    def noisy(result: Result) -> Result:
        (prompt,) = result.prompts
        speed = prompt.decode_tokens_per_s.median
        return replace(
            result, prompts=[replace(prompt, decode_tokens_per_s=Figure(speed * 0.7, speed * 0.5, speed, 5))]
        )

    assert benchmarks.compare(benchmarks.read(written), changed(measured, noisy)).worse == []


def test_one_more_dispatch_is_worse_on_any_machine(measured: Benchmark, written: Path) -> None:
    content = json.loads(written.read_text())
    content["machine"]["processor"] = "Another"
    written.write_text(json.dumps(content))
    more = changed(measured, lambda result: replace(result, costs=replace(result.costs, dispatches=99)))
    comparison = benchmarks.compare(benchmarks.read(written), changed(more, slower))
    assert comparison.apart is not None
    assert "Another" in comparison.apart
    assert [change.what for change in comparison.worse] == ["dispatches per token"]


@pytest.mark.parametrize("content", ["{}", "no JSON"])
def test_a_file_that_is_no_benchmark_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "other.json").write_text(content)
    with pytest.raises(UserError, match=r"other\.json is no benchmark"):
        benchmarks.read(tmp_path / "other.json")


def test_a_model_that_was_not_measured_before_is_named(measured: Benchmark, written: Path) -> None:
    other = changed(measured, lambda result: replace(result, model="other"))
    with pytest.raises(UserError, match="demo in chromium"):
        benchmarks.compare(benchmarks.read(written), other)


@pytest.mark.parametrize("change", [{"parameters": 1}, {"quantisation": "q8"}])
def test_another_model_of_the_same_name_is_not_compared(
    measured: Benchmark, written: Path, change: dict[str, Any]
) -> None:
    other = changed(measured, lambda result: replace(result, **change))
    with pytest.raises(
        UserError, match=r"is another model in the file: it had .* parameters in q4 and has .*; measure"
    ):
        benchmarks.compare(benchmarks.read(written), other)


def test_what_is_not_compared_is_said(measured: Benchmark, written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def other(result: Result) -> Result:
        (prompt,) = result.prompts
        return replace(result, variant="base", prompts=[prompt, replace(prompt, tokens=99)])

    comparison = benchmarks.compare(benchmarks.read(written), changed(measured, other))
    where = f"{BUNDLE} in chromium"
    assert comparison.left_out == [
        f"{where} ran software before and base now, so its counts are not compared",
        f"{where} had prompts of 99 tokens only now",
    ]
    print_comparison(comparison)
    assert "Not compared: " in capsys.readouterr().out


def test_a_comparison_of_nothing_is_refused(measured: Benchmark, written: Path) -> None:
    def other(result: Result) -> Result:
        return replace(result, variant="base", prompts=[replace(result.prompts[0], tokens=99)])

    with pytest.raises(
        UserError, match=r"^Nothing is left to compare: .* 24 tokens only before; .* 99 tokens only now"
    ):
        benchmarks.compare(benchmarks.read(written), changed(measured, other))


def test_a_figure_is_a_median_between_quartiles() -> None:
    assert figure([5.0, 1.0, 3.0, 2.0, 100.0]) == Figure(3.0, 2.0, 5.0, 5)
    assert figure([4.0]) == Figure(4.0, 4.0, 4.0, 1)


@pytest.mark.parametrize("lengths", ["64,", "0", "64,x"])
def test_a_prompt_must_be_numbers_with_commas(lengths: str) -> None:
    refused = CliRunner().invoke(cli.app, ["bench", "model", "--prompt", lengths])
    assert refused.exit_code == 2
    assert "64,512,4096" in refused.output


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        (str(BUNDLE), Options(layers=2), "--layers cuts random weights"),
        (str(BUNDLE), Options(variant="f8"), "has no variant 'f8'; it has f16_subgroups, f16, base, software,"),
        (str(BUNDLE), Options(prompts=(10**6,)), r"a prompt of 1000000 and 128 tokens after it need 1000136"),
        ("random:0.8B", Options(prompts=(10**6,)), "random:0.8B holds 262144 tokens; a prompt of 1000000"),
        ("random:0.7B", Options(), "There is no built-in config '0.7B'"),
        ("./nowhere", Options(), "there is no folder ./nowhere"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_is(model: str, options: Options, said: str) -> None:
    stages: list[str] = []
    with pytest.raises(UserError, match=said):
        benchmarks.bench(["random:0.8B", model], options, lambda progress: stages.append(progress.stage))
    assert stages == []


def test_each_result_is_kept_before_the_next_is_measured(measured: Benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[list[str]] = []

    def measure(model: str, *_: object) -> Iterator[Result]:
        if model == "broken":
            raise UserError("on purpose")
        yield replace(measured.results[0], model=model)

    monkeypatch.setattr(measurement, "results_of", measure)
    monkeypatch.setattr(measurement, "check_model", lambda *_: Known(positions=10**6, variants=()))
    with pytest.raises(UserError, match="on purpose"):
        benchmarks.bench(
            ["a", "b", "broken"],
            Options(),
            lambda _: None,
            lambda so_far: kept.append([r.model for r in so_far.results]),
        )
    assert kept == [["a"], ["a", "b"]]


def test_figures_that_cannot_be_written_are_refused_at_once(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.app, ["bench", "./nowhere", "--json", str(tmp_path)])
    assert str(result.exception) == f"{tmp_path} cannot be written; name another file with --json"


def test_a_build_takes_no_package_from_the_folder_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "windowseat" / "site_builder").mkdir(parents=True)
    for name in ("windowseat/__init__.py", "windowseat/site_builder/__init__.py"):
        (tmp_path / name).write_text("raise SystemExit('another package')")
    source = write_tiny(tmp_path / "source")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bench").mkdir()
    bundle, _ = compiled(str(source), None, tmp_path / "bench", lambda _: None)
    assert (bundle / "bundle.json").is_file()
