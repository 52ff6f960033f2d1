"""Before attention: norm q and k per head, turn them by their position (RoPE), and put k and v into the cache.

A workgroup per token and head; key heads carry their value head along. Angles come from two small tables, position =
256 · coarse + fine, and the addition theorem: exact to 1e-7 at any position, while cos and sin of a large argument are
anything a driver likes.

Rows of `projected` are q | k | v. With a gate, each query head is [q | gate] there, head by head.
"""

# T tokens, Hq query heads, Hkv key-value heads, D head size, R dimensions that turn (in pairs i, i + R/2)

from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from ..shapes import FINE, AttentionShape
from .common import (
    Cell,
    Kernel,
    KernelBuilder,
    PerTokens,
    barrier,
    cast,
    const,
    f32,
    hold,
    let,
    shared,
    store,
    strided,
    sum_over,
    when,
)

F64 = NDArray[np.float64]

THREADS = 64


def reference(
    shape: AttentionShape, projected: F64, q_norm: F64, k_norm: F64, eps: float, theta: float, position: int
) -> tuple[F64, F64, F64]:
    """The definition: projected [T, q|k|v]; gives back q [T, Hq, D], k and v [T, Hkv, D]."""
    s, count = shape, len(projected)
    q = projected[:, : s.keys_at].reshape(count, s.heads, s.query_stride)[:, :, : s.size]
    k = projected[:, s.keys_at : s.values_at].reshape(count, s.kv_heads, s.size)
    v = projected[:, s.values_at :].reshape(count, s.kv_heads, s.size)
    half = s.rotary // 2
    frequencies = (1.0 / (theta ** (np.arange(0, s.rotary, 2, dtype=np.float32) / s.rotary))).astype(np.float32)
    angles = (position + np.arange(count))[:, None] * frequencies.astype(np.float64)
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]

    def turned(x: F64, norm: F64) -> F64:
        x = x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * norm
        low, high = x[..., :half], x[..., half : s.rotary]
        return np.concatenate([low * cos - high * sin, high * cos + low * sin, x[..., s.rotary :]], axis=-1)

    return turned(q, q_norm), turned(k, k_norm), v


@cache
def rope_cache(shape: AttentionShape, *, chunk: int, act: str, eps: float) -> Kernel:
    """Buffers: projected [chunk, q|k|v], q_norm [D], k_norm [D], rope [rows, R/2, 2], q [chunk, Hq, D],
    k_cache and v_cache [positions, Hkv, D]."""
    s, half = shape, shape.rotary // 2
    k = KernelBuilder(f"rope_cache_{s.name}_{act}", (PerTokens(), s.heads + s.kv_heads), THREADS)
    projected = k.buffer("projected", (chunk, s.projected), act)
    q_norm = k.buffer("q_norm", (s.size,), "float32")
    k_norm = k.buffer("k_norm", (s.size,), "float32")
    rope = k.buffer("rope", (s.table_rows, half, 2), "float32")
    q = k.buffer("q", (chunk, s.heads, s.size), act)
    k_cache = k.buffer("k_cache", (s.positions, s.kv_heads, s.size), act)
    v_cache = k.buffer("v_cache", (s.positions, s.kv_heads, s.size), act)
    position = k.scalar("position")

    with k.threads() as (token, head, thread):
        at = let(position + token)
        key_head = let(head - s.heads)
        first = hold(T.if_then_else(head < s.heads, head * s.query_stride, s.keys_at + key_head * s.size), "int32")
        squares = Cell(const(0.0))
        with strided(thread, s.size, THREADS) as i:
            value = f32(projected[token, first + i])
            squares.add(value * value)
        partial, normed = shared(THREADS), shared(s.size)
        store(partial, thread, squares.get())
        barrier()
        inverse = hold(T.rsqrt(sum_over(partial, THREADS) / const(float(s.size)) + const(eps)))
        with strided(thread, s.size, THREADS) as i:
            weight = T.if_then_else(head < s.heads, q_norm[i], k_norm[i])
            store(normed, i, f32(projected[token, first + i]) * inverse * weight)
        barrier()
        with strided(thread, s.size, THREADS) as i:
            result = Cell(normed[i])
            with when(i < s.rotary):
                pair = let(i % half)
                fine, coarse = let(at % FINE), let(FINE + at // FINE)
                cos_a, sin_a = hold(rope[fine, pair, 0]), hold(rope[fine, pair, 1])
                cos_b, sin_b = hold(rope[coarse, pair, 0]), hold(rope[coarse, pair, 1])
                cos = cos_a * cos_b - sin_a * sin_b
                sin = sin_a * cos_b + cos_a * sin_b
                other = hold(T.if_then_else(i < half, -normed[pair + half], normed[pair]))
                result.set(normed[i] * cos + other * sin)
            with T.If(head < s.heads):
                with T.Then():
                    store(q, (token, head, i), cast(result.get(), act))
                with T.Else():
                    store(k_cache, (at, key_head, i), cast(result.get(), act))
                    store(v_cache, (at, key_head, i), projected[token, s.values_at + key_head * s.size + i])
    return k.finish()
