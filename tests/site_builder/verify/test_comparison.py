"""Whole models in real WebGPU runtimes against transformers: the demo model, and random ones of other shapes."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner
from windowseat.site_builder.cli import app
from windowseat.site_builder.runtimes import F32, Loaded
from windowseat.site_builder.verify import Check, Options, comparison, verify

from tests.compile.tiny_model import CONFIG, QWEN_2, QWEN_3, write_tiny
from tests.lavapipe import Lavapipe

DEMO = Path(__file__).parents[3] / "compile/demo/checkpoint"
QUICK = Options(runtimes=("node",), prompts=1, variants=("f16", "base"), lengths=(129,))
LINEAR, FULL = "linear_attention", "full_attention"
MODELS: dict[str, Mapping[str, Any]] = {
    "qwen3_5": {  # another pattern of layers, more value heads than key heads, odd sizes, an untied head
        **CONFIG,
        "num_hidden_layers": 3,
        "layer_types": [FULL, LINEAR, FULL],
        "hidden_size": 72,
        "vocab_size": 211,
        "num_attention_heads": 6,
        "num_key_value_heads": 3,
        "head_dim": 40,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 6,
        "linear_value_head_dim": 24,
        "tie_word_embeddings": False,
    },
    "qwen2": {**QWEN_2, "hidden_size": 112, "num_attention_heads": 14, "tie_word_embeddings": True},
    "qwen3": QWEN_3,
}


@pytest.fixture
def f16_adapter(lavapipe: Lavapipe | None, fast_node: None) -> None:
    """Node has an adapter with shader-f16."""
    if lavapipe is None:
        pytest.skip("f16 in Node needs a C compiler and Debian's mesa-vulkan-drivers")


def checks(model: Path, options: Options) -> dict[str, Check]:
    """The checks by variant."""
    return {check.variant: check for check in verify(str(model), options, lambda _: None)}


@pytest.mark.usefixtures("f16_adapter")
def test_the_demo_model_agrees_in_node_in_both_precisions() -> None:
    found = checks(DEMO, Options(runtimes=("node",), variants=("f16", "base"), prompts=2, lengths=(1, 65)))
    assert found["base"].error <= 1e-3
    assert found["base"].same_texts == found["base"].texts == 2 + 2
    assert found["f16"].error <= 2e-2
    assert found["f16"].same_texts == found["f16"].texts == 2 + 2
    assert found["base"].positions == 18


@pytest.mark.usefixtures("fast_node")
def test_the_demo_model_goes_on_alike_after_all_prompts_and_around_the_edges_of_chunks() -> None:
    found = checks(DEMO, Options(runtimes=("node",), variants=("software",), lengths=(63, 65, 129, 200)))["software"]
    assert found.error <= 1e-3
    assert found.same_texts == found.texts == 20 + 4


def test_the_demo_model_agrees_in_chromium_in_the_variant_that_runs_there() -> None:
    # On the adapter that every Chromium brings; after all prompts, Node goes on in less time.
    command = ["verify", str(DEMO), "--runtime=chromium", "--variant=software", "--variant=f16"]
    command += ["--prompts=2", "--length=65"]
    # Playwright runs once in a thread, and in this one it may run already.
    with ThreadPoolExecutor(1) as other_thread:
        done = other_thread.submit(CliRunner().invoke, app, command, env={"COLUMNS": "120"}).result(300)
    assert done.exit_code == 0, done.output
    assert "3 of 3" in done.stdout
    assert "passed" in done.stdout
    assert "shader-f16" in done.stdout  # the software adapter has none: f16 is left out, and said so


@pytest.mark.usefixtures("f16_adapter")
@pytest.mark.parametrize("name", MODELS)
def test_a_random_model_agrees_in_node(tmp_path: Path, name: str) -> None:
    found = checks(write_tiny(tmp_path / name, MODELS[name]), QUICK)
    assert found["base"].error <= 1e-3
    assert found["f16"].error <= 2e-2
    assert found["base"].same_texts == found["base"].texts == 2
    assert found["f16"].passed


def test_a_difference_past_the_bound_exits_with_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "BOUNDS", dict.fromkeys(comparison.BOUNDS, 1e-12))
    tiny = write_tiny(tmp_path / "tiny")
    quick = ["--runtime=node", "--variant=software", "--prompts=0", "--length=7"]
    result = CliRunner().invoke(app, ["verify", str(tiny), *quick])
    assert result.exit_code == 3
    assert "FAILED" in result.stdout


class Wrong:
    """A runtime whose first logits are no numbers, and whose others are right."""

    name, version = "wrong", "0"

    def __init__(self) -> None:
        self._runs = 0

    def load(self, variant: str | None, context: int) -> Loaded:
        return Loaded(variant or "", "none", 0.0)

    def logits(self, prefill: list[int], forced: list[int]) -> F32:
        self._runs += 1
        return np.full((1, 3), np.nan if self._runs == 1 else 1.0, np.float32)

    def greedy(self, prompt: list[int], count: int) -> list[int]:
        return []

    def ask(self, kind: str, **arguments: Any) -> dict[str, Any]:
        return {}


def test_a_logit_that_is_no_number_fails_whatever_comes_after_it() -> None:
    cases = [comparison.Case([1], [], np.ones((1, 3), np.float32))] * 2
    found = comparison.check(Wrong(), "base", 16, lambda prompt, ids: 0.0, cases, [], lambda _: None)
    assert not found.passed


def test_a_damaged_checkpoint_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = write_tiny(tmp_path / "tiny")
    (tiny / "tokenizer.json").unlink()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    result = CliRunner().invoke(app, ["verify", str(tiny), "--runtime", "node"])
    assert result.exit_code == 1
    assert list(temporary.iterdir()) == []


def test_a_length_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    tiny = write_tiny(tmp_path / "tiny")
    result = CliRunner().invoke(app, ["verify", str(tiny), "--runtime=node", "--variant=base", "--length=100000"])
    assert result.exit_code == 1
    assert "choose a shorter --length" in str(result.exception)
