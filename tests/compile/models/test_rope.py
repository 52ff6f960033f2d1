"""RoPE's frequencies against transformers', as trained and stretched; what cannot be computed is refused by name."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from transformers import AutoConfig, AutoModel
from windowseat.compile.errors import UserError
from windowseat.compile.models import qwen2, qwen3_5
from windowseat.compile.models.rope import read_rope, rope_vector
from windowseat.compile.shapes import FINE, AttentionShape

from tests.compile.tiny_model import CONFIG, QWEN_2

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
OLD = {"type": "yarn", "factor": 2.5, "attention_factor": 1.5, "beta_fast": 20, "beta_slow": 2, "truncate": False}
PARTIAL = {"rope_theta": 1e7, "partial_rotary_factor": 0.25, "mrope_section": [11, 11, 10]}
LONG = {**YARN, "original_max_position_embeddings": 262_144}
SIZES = {"hidden_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 32768}


@pytest.mark.parametrize(
    ("kind", "size", "rotary", "config"),
    [
        ("qwen2", 32, 32, {"rope_theta": 1e6}),
        ("qwen2", 32, 32, {"rope_theta": 1e6, "rope_scaling": YARN}),
        ("qwen2", 32, 32, {"rope_theta": 1e4, "rope_scaling": OLD}),
        ("qwen3", 128, 128, {"rope_parameters": {**YARN, "rope_theta": 1e6}, "head_dim": 128}),
        ("qwen3_5_text", 256, 64, {"rope_parameters": {**PARTIAL, "rope_type": "default"}, "head_dim": 256}),
        ("qwen3_5_text", 256, 64, {"rope_parameters": {**PARTIAL, **LONG}, "head_dim": 256}),
    ],
)
def test_frequencies_and_the_attention_factor_are_those_of_transformers(
    kind: str, size: int, rotary: int, config: Mapping[str, Any]
) -> None:
    text = {**SIZES, **config}
    theirs = AutoModel.from_config(AutoConfig.for_model(kind, **text, vocab_size=8, intermediate_size=8)).rotary_emb
    rope = read_rope(text, "test")
    assert int(size * rope.partial_rotary_factor) == rotary
    np.testing.assert_allclose(rope.frequencies(rotary), theirs.inv_freq.numpy(), rtol=5e-7)
    shape = AttentionShape(heads=1, kv_heads=1, size=size, rotary=rotary, positions=1000, gated=False)
    table = rope_vector(rope, shape).make([]).reshape(-1, rotary // 2, 2)
    np.testing.assert_allclose(np.hypot(*table[:FINE].T), theirs.attention_scaling, rtol=1e-6)
    np.testing.assert_allclose(np.hypot(*table[FINE:].T), 1, rtol=1e-6)


@pytest.mark.parametrize(
    ("config", "factor"),
    [
        ({"rope_theta": 1e6}, 0.25),
        ({"rope_theta": 1e6, "partial_rotary_factor": 0.5}, 0.5),
        ({"rope_parameters": {"rope_theta": 1e6, "partial_rotary_factor": 0.125}, "partial_rotary_factor": 0.5}, 0.125),
    ],
)
def test_how_much_of_a_head_turns_is_found_where_transformers_finds_it(
    config: Mapping[str, Any], factor: float
) -> None:
    tiny = {key: value for key, value in CONFIG.items() if key != "rope_parameters"}
    assert qwen3_5.config({**tiny, **config}, "test").rope_parameters.partial_rotary_factor == factor
    theirs = AutoModel.from_config(
        AutoConfig.for_model("qwen3_5_text", **{**SIZES, **config}, vocab_size=8, head_dim=256)
    )
    assert theirs.rotary_emb.inv_freq.shape == (128 * factor,)


def test_a_dense_model_turns_whole_heads() -> None:
    with pytest.raises(UserError, match=r"config.json of test asks for partial_rotary_factor = 0.5; only 1.0 is known"):
        qwen2.config({**QWEN_2, "partial_rotary_factor": 0.5}, "test")


def test_a_stretched_model_reaches_as_many_times_further() -> None:
    rope = read_rope({"rope_theta": 1e6, "max_position_embeddings": 40960, "rope_scaling": YARN}, "test")
    assert rope.positions(40960) == 131_072


@pytest.mark.parametrize("kind", ["linear", "dynamic", "longrope", "llama3", "mrope"])
@pytest.mark.parametrize(("field", "key"), [("rope_scaling", "type"), ("rope_parameters", "rope_type")])
def test_another_scaling_is_refused_by_its_name(kind: str, field: str, key: str) -> None:
    text = {"rope_theta": 1e6, "max_position_embeddings": 64, field: {key: kind, "factor": 2.0}}
    with pytest.raises(UserError, match=f"config.json of test scales RoPE by '{kind}', which is not known here"):
        read_rope(text, "test")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({}, "has rope_theta = None; it must be a float"),
        ({"rope_theta": "1e6"}, "has rope_theta = '1e6'; it must be a float"),
        ({"rope_theta": 1e6, "rope_scaling": {"type": "yarn"}}, "has factor = None; it must be a float"),
        (
            {"rope_theta": 1e6, "rope_scaling": {"type": "yarn", "factor": 0.5}},
            "a factor in rope_scaling that is",
        ),
        ({"rope_theta": 1e6, "rope_scaling": {**YARN, "mscale": 1.0}}, "has mscale in rope_scaling"),
    ],
)
def test_a_config_that_cannot_be(config: Mapping[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_rope({"max_position_embeddings": 64, **config}, "test")
