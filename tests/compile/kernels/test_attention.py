"""Causal attention over the cache, around the edges of its tiles of 64 positions."""

# P positions

import numpy as np
import pytest
from windowseat.compile.kernels.attention import attention, reference
from windowseat.compile.shapes import AttentionShape

from tests.compile.machine import F64, Array, Machine, exact

GATED = AttentionShape(heads=4, kv_heads=2, size=64, rotary=32, positions=260, gated=True)
ODD = AttentionShape(heads=3, kv_heads=1, size=80, rotary=20, positions=260, gated=False)
WIDE = AttentionShape(heads=2, kv_heads=2, size=256, rotary=64, positions=260, gated=True)
NARROW = AttentionShape(heads=2, kv_heads=1, size=6, rotary=2, positions=260, gated=True)


def cache(machine: Machine, seed: int, s: AttentionShape, filled: int) -> Array:
    """A cache whose rows from `filled` on are NaN: nobody may look at them."""
    rows = machine.normal(seed, s.positions, s.kv_heads, s.size)
    rows[filled:] = np.nan
    return rows


def attend(
    machine: Machine, s: AttentionShape, position: int, tokens: int, sharpness: float = 1.0
) -> tuple[Array, F64]:
    """y of the kernel and of the reference, for a chunk with a row to spare."""
    filled = position + tokens
    q = machine.normal(1, tokens + 1, s.heads, s.size) * np.dtype(machine.act).type(sharpness)
    k_cache, v_cache = cache(machine, 2, s, filled), cache(machine, 3, s, filled)
    projected = machine.normal(4, tokens + 1, s.projected)
    arrays = {"q": q, "k_cache": k_cache, "v_cache": v_cache, "y": machine.zeros(*q.shape)}
    arrays |= {"projected": projected} if s.gated else {}
    kernel = attention(s, chunk=tokens + 1, act=machine.act)
    y = machine.run(kernel, arrays, {"position": position, "tokens": tokens})["y"]
    queries = projected[:tokens, : s.keys_at].reshape(tokens, s.heads, s.query_stride)
    gate = exact(queries[:, :, s.size :]) if s.gated else None
    wanted = reference(s, exact(q[:tokens]), exact(k_cache[:filled]), exact(v_cache[:filled]), gate)
    return y[:tokens].reshape(tokens, -1), wanted


@pytest.mark.parametrize("shape", [GATED, ODD, WIDE, NARROW], ids=lambda shape: shape.name)
@pytest.mark.parametrize(("position", "tokens"), [(0, 3), (62, 4), (190, 5)])
def test_a_chunk_agrees_with_the_reference(machine: Machine, shape: AttentionShape, position: int, tokens: int) -> None:
    machine.agree(*attend(machine, shape, position, tokens))


@pytest.mark.parametrize("position", [0, 1, 62, 63, 64, 126, 127, 128, 259])
def test_one_token_agrees_with_the_reference(machine: Machine, position: int) -> None:
    machine.agree(*attend(machine, GATED, position, 1))


def test_scores_far_apart_do_not_overflow(machine: Machine) -> None:
    machine.agree(*attend(machine, GATED, 150, 3, sharpness=60.0))


def test_the_first_token_gets_its_own_value_back(f32_machine: Machine) -> None:
    y, _ = attend(f32_machine, ODD, 0, 1)
    values = cache(f32_machine, 3, ODD, 1)[0, 0]
    np.testing.assert_allclose(y.reshape(3, 80), np.tile(values, (3, 1)), rtol=1e-6)
