"""Norm and RoPE of q and k, and the rows of the cache that they and v go to."""

from collections.abc import Mapping

import numpy as np
import pytest
from windowseat.compile.kernels.rope_cache import reference, rope_cache
from windowseat.compile.models.rope import read_rope, rope_vector
from windowseat.compile.shapes import AttentionShape

from tests.compile.machine import F64, Array, Machine, exact, normal

EPS, THETA = 1e-6, 1e7
ROPE = read_rope({"rope_theta": THETA, "max_position_embeddings": 600}, "the test")
GATED = AttentionShape(heads=4, kv_heads=2, size=64, rotary=32, positions=600, gated=True)
ODD = AttentionShape(heads=3, kv_heads=1, size=80, rotary=20, positions=600, gated=False)
WIDE = AttentionShape(heads=2, kv_heads=2, size=256, rotary=64, positions=600, gated=True)
WHOLE = AttentionShape(heads=1, kv_heads=1, size=6, rotary=6, positions=600, gated=False)


def launch(
    machine: Machine, s: AttentionShape, projected: Array, position: int, tokens: int, vectors: Mapping[str, Array]
) -> dict[str, Array]:
    chunk = len(projected)
    arrays = {
        **vectors,
        "projected": projected,
        "rope": rope_vector(ROPE, s).make([]),
        "q": machine.zeros(chunk, s.heads, s.size),
        "k_cache": machine.zeros(s.positions, s.kv_heads, s.size) + 7,
        "v_cache": machine.zeros(s.positions, s.kv_heads, s.size) + 7,
    }
    normed, biased = "qk_norm" in vectors, "bias" in vectors
    kernel = rope_cache(s, chunk=chunk, act=machine.act, normed=normed, eps=EPS, biased=biased)
    return machine.run(kernel, arrays, {"position": position, "tokens": tokens})


def wanted(s: AttentionShape, projected: Array, position: int, vectors: Mapping[str, Array]) -> tuple[F64, F64, F64]:
    given = {name: exact(values) for name, values in vectors.items()}
    return reference(s, exact(projected), position, theta=THETA, eps=EPS, **given)


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
    given = {"qk_norm": normal(2, 2, shape.size), "bias": normal(3, shape.projected)}
    given = {name: given[name] for name in vectors}
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
