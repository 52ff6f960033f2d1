"""A bundle's logits against transformers' with the same, dequantised weights: every operation of a model at once."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from windowseat.compile import parts
from windowseat.compile.build import Options, build
from windowseat.compile.checkpoint import open_checkpoint
from windowseat.compile.variants import VARIANTS
from windowseat.site_builder.verify.comparison import BOUNDS
from windowseat.site_builder.verify.oracle import oracle_of

from tests.compile.tiny_model import CONFIG, QWEN_2, QWEN_3, write_tiny
from tests.gpu import Gpu
from tests.plan_runner import PlanRunner

TOKENS = 133
CHUNK = 64  # of prefill, in tokens: fewer than in a build, so that short texts reach over several
ROPE = CONFIG["rope_parameters"]
MODELS: dict[str, tuple[str, tuple[str, ...], Mapping[str, Any]]] = {  # quantisation, variants, config
    "odd sizes, two attention layers in a row": (
        "q4",
        ("base", "f16"),
        {
            **CONFIG,
            "vocab_size": 211,
            "hidden_size": 72,
            "intermediate_size": 100,
            "num_hidden_layers": 4,
            "layer_types": ["linear_attention", "full_attention", "full_attention", "linear_attention"],
            "num_attention_heads": 3,
            "head_dim": 20,
            "linear_num_key_heads": 2,
            "linear_num_value_heads": 6,
            "linear_key_head_dim": 12,
            "linear_value_head_dim": 20,
            "linear_conv_kernel_dim": 3,
            "tie_word_embeddings": False,
            "rope_parameters": {**ROPE, "mrope_section": [2, 2, 1]},
        },
    ),
    "attention first, as many value heads as key heads": (
        "q8",
        ("base", "base_q8kv", "software_q8kv"),
        {
            **CONFIG,
            "layer_types": ["full_attention", "linear_attention"],
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "head_dim": 16,
            "linear_num_key_heads": 2,
            "rope_parameters": {**ROPE, "partial_rotary_factor": 0.25, "mrope_section": [1, 1, 0]},
        },
    ),
    "Qwen 2: seven query heads to a key head, tied": (
        "q4",
        ("base", "f16"),
        {
            **QWEN_2,
            "hidden_size": 140,
            "num_attention_heads": 7,
            "num_key_value_heads": 1,
            "tie_word_embeddings": True,
        },
    ),
    "Qwen 2: as many query heads as key heads": ("q8", ("base",), {**QWEN_2, "num_attention_heads": 2}),
    "Qwen 3: RoPE stretched by YaRN": (
        "q4",
        ("base", "f16"),
        {
            **QWEN_3,
            "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64},
        },
    ),
    "three gated-delta layers in a row, one key head for three value heads": (
        "f16",
        ("f16", "f16_subgroups"),
        {
            **CONFIG,
            "hidden_size": 96,
            "num_hidden_layers": 4,
            "layer_types": [*["linear_attention"] * 3, "full_attention"],
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "linear_num_value_heads": 3,
            "linear_value_head_dim": 40,
            "tie_word_embeddings": False,
        },
    ),
}
RUNS = [(name, variant) for name, (_, variants, _) in MODELS.items() for variant in variants]


@dataclass(frozen=True)
class Compiled:
    """A bundle, a text, and what transformers makes of it."""

    folder: Path
    ids: list[int]
    logits: NDArray[np.float32]  # [tokens, vocabulary]


@dataclass(frozen=True)
class Running:
    """A bundle in one variant."""

    compiled: Compiled
    runner: PlanRunner
    tolerance: float

    def after(self, prompt: int, decoded: int) -> None:
        """Fails unless the logits agree after a prompt of this length and after each of the tokens decoded then."""
        self.runner.position = 0
        self.runner.prefill(self.compiled.ids[:prompt])
        self.agree(self.runner.logits((prompt - 1) % self.runner.chunk + 1), prompt)
        for count in range(prompt + 1, prompt + decoded + 1):
            self.runner.decode(self.compiled.ids[count - 1])
            self.agree(self.runner.logits(), count)

    def agree(self, got: NDArray[np.float32], count: int) -> None:
        wanted = self.compiled.logits[count - 1]
        np.testing.assert_allclose(got, wanted, rtol=0, atol=self.tolerance * np.abs(wanted).max())


def compile_random(folder: Path, quantisation: str, variants: Sequence[str], config: Mapping[str, Any]) -> Compiled:
    source = write_tiny(folder / "checkpoint", config)
    with pytest.MonkeyPatch.context() as patch:
        cut = [replace(each, tuning=replace(each.tuning, chunk=CHUNK)) for each in VARIANTS if each.name in variants]
        patch.setattr("windowseat.compile.build.VARIANTS", cut)
        bundle = build(str(source), folder / "models", Options(quantisation), lambda progress: None)
    with open_checkpoint(str(source), lambda progress: None) as checkpoint:
        oracle = oracle_of(checkpoint, bundle)
    ids = np.random.default_rng(0).integers(0, config["vocab_size"], TOKENS).tolist()
    return Compiled(bundle, ids, oracle.logits(ids))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Compiled]:
    """Each of MODELS, compiled once."""
    return cache(lambda name: compile_random(tmp_path_factory.mktemp("logits"), *MODELS[name]))


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: f"{run[0]}: {run[1]}")
def running(request: pytest.FixtureRequest, gpu: Gpu, compiled: Callable[[str], Compiled]) -> Running:
    name, variant = request.param
    model = compiled(name)
    return Running(model, PlanRunner.of_bundle(gpu, model.folder, variant, context=160), BOUNDS[variant])


@pytest.mark.parametrize("prompt", [1, 127, 128, 129])
def test_logits_agree_with_transformers_after_a_prompt_and_while_decoding(running: Running, prompt: int) -> None:
    running.after(prompt, decoded=4)


def test_feeding_token_by_token_agrees_too(running: Running) -> None:
    running.after(1, decoded=20)


def test_a_prompt_may_come_in_pieces(running: Running) -> None:
    running.runner.position = 0
    for start, stop in ((0, 2), (2, 3), (3, 60), (60, 64)):
        running.runner.prefill(running.compiled.ids[start:stop])
    running.agree(running.runner.logits(4), 64)


def test_matrices_in_parts_make_the_same_logits(gpu: Gpu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "MAX_BINDING", 16384)  # bytes: 128 rows of 64 values in f16
    # A whole in_proj has as many rows, 128, as the first part of qkv_proj.
    config = {**CONFIG, "vocab_size": 300, "tie_word_embeddings": False, "linear_value_head_dim": 24}
    compiled = compile_random(tmp_path, "f16", ["base"], config)
    weights = json.loads((compiled.folder / "bundle.json").read_text())["weights"]["tensors"]
    names = {tensor["name"] for tensor in weights}
    assert names >= {"lm_head.2.words", "embed_tokens.2.words", "layers.0.gate_up_proj.1.words"}
    assert names >= {"layers.0.in_proj.words", "layers.1.qkv_proj.0.words", "layers.1.qkv_proj.1.words"}
    Running(compiled, PlanRunner.of_bundle(gpu, compiled.folder, "base", context=160), 1e-3).after(20, decoded=4)
