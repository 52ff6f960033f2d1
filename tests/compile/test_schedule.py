"""Matrices in parts that fit one binding, and the number of launches that a token costs."""

from typing import Any

import pytest
from windowseat.compile.models import qwen3_5
from windowseat.compile.models.layers import Matrix, Model, NormSwiGlu, Source
from windowseat.compile.parts import parts
from windowseat.compile.planner import make_plan
from windowseat.compile.published import published_config
from windowseat.compile.schedule import schedule, weights_of
from windowseat.compile.variants import VARIANTS, Variant

from tests.compile.tiny_model import CONFIG

variants = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)


def matrix(rows: int, width: int, exact: bool = False) -> Matrix:
    return Matrix("w", (Source("w.weight", (rows, width)),), exact=exact)


def model(config: dict[str, Any]) -> Model:
    return qwen3_5.model(qwen3_5.config(config, "test"))


def tensors(of: Model, quantisation: str) -> set[str]:
    """The names in the weight stream."""
    matrices = [weight for weight in weights_of(of) if isinstance(weight, Matrix)]
    names = {name for each in matrices for part in parts(each, quantisation) for name in part.bound().values()}
    return names | {weight.name for weight in weights_of(of)}


@pytest.mark.parametrize(
    ("rows", "width", "quantisation", "cuts"),
    [
        (248_320, 1024, "q4", [0, 248_320]),  # 0.8B: 127 MB
        (248_320, 1024, "f16", [0, 65_536, 131_072, 196_608, 248_320]),
        (248_320, 2048, "q4", [0, 131_072, 248_320]),  # 2B
        (248_320, 4096, "q4", [0, 65_536, 131_072, 196_608, 248_320]),  # 9B
        (24_576, 4096, "f16", [0, 16_384, 24_576]),
        (10, 33, "q8", [0, 10]),
    ],
)
def test_a_matrix_is_cut_where_its_words_would_pass_128_mib(
    rows: int, width: int, quantisation: str, cuts: list[int]
) -> None:
    found = parts(matrix(rows, width), quantisation)
    assert [part.start for part in found] == cuts[:-1]
    assert [part.stop for part in found] == cuts[1:]


def test_parts_are_whole_workgroups_of_rows() -> None:
    found = parts(matrix(100_000, 3000), "q8")
    assert [part.start % 64 for part in found] == [0] * len(found)


def test_parts_have_names_of_their_own_and_a_whole_matrix_its_own() -> None:
    assert [part.bound() for part in parts(matrix(248_320, 2048), "q4")] == [
        {"w_words": "w.0.words", "w_scales": "w.0.scales"},
        {"w_words": "w.1.words", "w_scales": "w.1.scales"},
    ]
    assert [part.bound() for part in parts(matrix(10, 32), "f16")] == [{"w_words": "w.words"}]


def test_an_exact_matrix_stays_in_f32() -> None:
    assert [part.form for part in parts(matrix(10, 32, exact=True), "q4")] == ["f32"]


def test_a_tied_table_is_one_weight() -> None:
    names = [weight.name for weight in weights_of(model({**CONFIG, "tie_word_embeddings": True}))]
    assert names.count("embed_tokens") == 1
    assert "lm_head" not in names


def test_weights_come_once_each_in_the_order_of_use() -> None:
    names = [weight.name for weight in weights_of(model({**CONFIG, "tie_word_embeddings": False}))]
    assert len(names) == len(set(names))
    assert names[0] == "embed_tokens"
    assert names[-2:] == ["norm", "lm_head"]


@variants
def test_a_delta_layer_takes_five_launches_and_an_attention_layer_seven(variant: Variant) -> None:
    programs = schedule(model(dict(CONFIG)), "q4", variant).programs
    assert len(programs["decode"]) == 1 + 5 + 7
    assert len(programs["head"]) == 1
    assert len(programs["sample"]) == 2


def test_in_software_a_prompt_walks_only_the_positions_there_are() -> None:
    long = {**CONFIG, "max_position_embeddings": 262_144}
    (software,) = (variant for variant in VARIANTS if variant.name == "software")
    pasts = [launch.past for launch in schedule(model(long), "q4", software).programs["prefill"]]
    later = [past for past in pasts if past]
    assert pasts.count(0) < 30  # of the layers and of attention's first walks
    assert len(later) == 10
    assert later == [(i + 1) * later[0] for i in range(len(later))]
    assert later[-1] < 262_144 <= later[-1] + later[0]


@variants
def test_a_product_of_activations_is_held_in_f32_whatever_the_variant(variant: Variant) -> None:
    of = model(dict(CONFIG))
    found = schedule(of, "q4", variant).scratch
    inner = [operation.into for operation in of.operations if isinstance(operation, NormSwiGlu)]
    assert [found["decode", each.name] for each in inner] == [4 * each.width for each in inner]
    assert len(inner) == 2


@variants
def test_state_does_not_depend_on_the_activations_but_the_cache_does(variant: Variant) -> None:
    fixed = schedule(model(dict(CONFIG)), "q4", variant).fixed
    assert fixed["layers.0.state"].bytes == 2 * 16 * 16 * 4
    assert fixed["layers.0.ring"].bytes == 4 * (2 * 16 + 2 * 16) * 4
    value_bytes = {"f32": 4, "f16": 2, "q8": 1}[variant.kv_cache]
    assert fixed["layers.1.k_cache"].bytes_per_position == 32 * value_bytes
    scales = [buffer.bytes_per_position for name, buffer in fixed.items() if name.endswith("cache_scales")]
    assert scales == ([4] if variant.kv_cache == "q8" else [])  # an f16 each for 32 values of a key and of its value


@pytest.mark.parametrize(("size", "quantisation"), [("0.8B", "f16"), ("2B", "q4"), ("9B", "f16")])
def test_a_published_model_in_parts_becomes_a_plan(size: str, quantisation: str) -> None:
    of = model(published_config(size))
    base = next(variant for variant in VARIANTS if variant.name == "base")
    assert make_plan(schedule(of, quantisation, base), base, tensors(of, quantisation)).variant == "base"
