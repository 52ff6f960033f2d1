"""Norm and RoPE of q and k, and the rows of the cache that they and v go to."""

from collections.abc import Mapping

import numpy as np
import pytest
from windowseat.compile.kernels.kv_cache import FORMS, groups, quads, quantised, restored
from windowseat.compile.kernels.rope_cache import reference, rope_cache
from windowseat.compile.models.rope import read_rope, rope_vector
from windowseat.compile.shapes import AttentionShape
from windowseat.compile.tuning import GPU, Tuning

from tests.compile.attention_case import full
from tests.compile.machine import F64, Array, Machine, exact, normal

EPS, THETA = 1e-6, 1e7
ROPE = read_rope({"rope_theta": THETA, "max_position_embeddings": 600}, "the test")
GATED = AttentionShape(heads=4, kv_heads=2, size=64, rotary=32, positions=600, gated=True)
ODD = AttentionShape(heads=3, kv_heads=1, size=80, rotary=20, positions=600, gated=False)
WIDE = AttentionShape(heads=2, kv_heads=2, size=256, rotary=64, positions=600, gated=True)
WHOLE = AttentionShape(heads=1, kv_heads=1, size=6, rotary=6, positions=600, gated=False)


def launch(
    machine: Machine,
    s: AttentionShape,
    projected: Array,
    position: int,
    tokens: int,
    vectors: Mapping[str, Array],
    tuning: Tuning = GPU,
    form: str = "",
) -> dict[str, Array]:
    chunk, form = len(projected), form or full(machine)
    arrays = {
        **vectors,
        "projected": projected,
        "rope": rope_vector(ROPE, s).make([]),
        "q": machine.zeros(chunk, s.heads, s.size),
        **{name: np.full(shape, 7, dtype) for name, (shape, dtype) in cache_layout(s, form).items()},
    }
    kernel = rope_cache(
        s,
        tuning=tuning,
        chunk=chunk,
        act=machine.act,
        kv_cache=form,
        normed="qk_norm" in vectors,
        eps=EPS,
        biased="bias" in vectors,
    )
    return machine.run(kernel, arrays, {"position": position, "tokens": tokens})


def vectors_of(s: AttentionShape) -> dict[str, Array]:
    return {"qk_norm": normal(2, 2, s.size), "bias": normal(3, s.projected)}


def wanted(s: AttentionShape, projected: Array, position: int, vectors: Mapping[str, Array]) -> tuple[F64, F64, F64]:
    given = {name: exact(values) for name, values in vectors.items()}
    return reference(s, exact(projected), position, theta=THETA, eps=EPS, **given)


def cache_layout(s: AttentionShape, form: str) -> dict[str, tuple[tuple[int, ...], str]]:
    """The shape and type of each buffer of a cache."""
    rows = (s.positions, s.kv_heads)
    if form != "q8":
        return {name: ((*rows, s.size), FORMS[form]) for name in ("k_cache", "v_cache")}
    words = ((*rows, quads(s)), "uint32")
    return {"k_cache": words, "v_cache": words, "cache_scales": ((*rows, groups(s)), "uint32")}


@pytest.mark.parametrize(
    ("shape", "vectors"),
    [
        (GATED, ("qk_norm",)),
        (ODD, ("qk_norm",)),
        (ODD, ("bias",)),
        (WIDE, ("qk_norm",)),
        (WHOLE, ()),
        (WHOLE, ("qk_norm", "bias")),
    ],
    ids=str,
)
@pytest.mark.parametrize(("position", "tokens"), [(0, 3), (254, 4), (599, 1)])
def test_q_k_and_v_agree_with_the_reference(
    machine: Machine, shape: AttentionShape, vectors: tuple[str, ...], position: int, tokens: int
) -> None:
    projected = machine.normal(1, tokens, shape.projected)
    given = {name: each for name, each in vectors_of(shape).items() if name in vectors}
    after = launch(machine, shape, projected, position, tokens, given)
    q, k, v = wanted(shape, projected, position, given)
    machine.agree(after["q"], q)
    machine.agree(after["k_cache"][position : position + tokens], k)
    machine.agree(after["v_cache"][position : position + tokens], v)


def test_values_without_a_bias_are_copied(machine: Machine) -> None:
    projected = machine.normal(1, 3, GATED.projected)
    after = launch(machine, GATED, projected, 10, 3, {})
    np.testing.assert_array_equal(after["v_cache"][10:13].reshape(3, -1), projected[:, GATED.values_at :])


def test_only_the_rows_of_the_tokens_are_written(machine: Machine) -> None:
    after = launch(machine, GATED, machine.normal(1, 8, GATED.projected), 10, 5, {})
    np.testing.assert_array_equal(after["q"][5:], 0)
    for cache in (after["k_cache"], after["v_cache"]):
        np.testing.assert_array_equal(cache[:10], 7)
        np.testing.assert_array_equal(cache[15:], 7)


@pytest.mark.parametrize("position", [65_535, 65_536, 200_000, 262_142])
def test_angles_stay_exact_at_large_positions(wgpu_f32: Machine, position: int) -> None:
    shape = AttentionShape(heads=1, kv_heads=1, size=4, rotary=4, positions=262_144, gated=False)
    projected = wgpu_f32.normal(1, 2, shape.projected)
    after = launch(wgpu_f32, shape, projected, position, 2, {})
    q, k, _ = wanted(shape, projected, position, {})
    wgpu_f32.agree(after["q"], q)
    wgpu_f32.agree(after["k_cache"][position : position + 2], k)


@pytest.mark.parametrize(
    ("shape", "vectors"), [(GATED, ("qk_norm",)), (ODD, ("bias",)), (WHOLE, ("qk_norm", "bias"))], ids=str
)
def test_a_q8_cache_holds_k_and_v_within_half_a_level(
    machine: Machine, tuning: Tuning, shape: AttentionShape, vectors: tuple[str, ...]
) -> None:
    projected = machine.normal(1, 4, shape.projected)
    projected[2, shape.values_at :] = 0
    given = {name: each for name, each in vectors_of(shape).items() if name in vectors}
    after = launch(machine, shape, projected, 254, 3, given, tuning, "q8")
    _, *rows = wanted(shape, projected[:3], 254, given)
    halves = after["cache_scales"].view(np.float16).reshape(shape.positions, shape.kv_heads, -1, 2)
    for i, name in enumerate(("k_cache", "v_cache")):
        scales, right = halves[254:257, ..., i], rows[i]
        _, right_scales = quantised(right)
        machine.agree(scales, right_scales.astype(np.float64))
        levels = after[name][254:257].view(np.int8)
        got = restored(levels, scales, shape.size)
        each = np.repeat(right_scales.astype(np.float64), 32, axis=-1)[..., : shape.size]
        assert np.all(np.abs(got - right) <= each * (0.5 / 127 + 1e-3) + machine.tolerance * np.abs(right).max())
        np.testing.assert_array_equal(after[name][257:], 7)


def test_rows_of_zeros_stay_zeros_in_q8(machine: Machine) -> None:
    after = launch(machine, ODD, machine.zeros(1, ODD.projected), 3, 1, {}, form="q8")
    for name in ("k_cache", "v_cache", "cache_scales"):
        np.testing.assert_array_equal(after[name][3], 0)
