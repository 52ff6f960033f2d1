"""Before attention: add the biases of q, k and v, norm q and k per head, turn them by their position (RoPE), and put k
and v into the cache. Biases and norms are there where the model has them.

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

from ..extent import PerTokens
from ..shapes import FINE, AttentionShape
from ..tuning import Tuning
from .common import (
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
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
from .kv_cache import FORMS, Q8Writer, quads

F64 = NDArray[np.float64]

GPU_THREADS = 64
SOFTWARE_THREADS = 16  # Each adds up what all of them found. On lavapipe 64 tokens took 2.2 ms with 64, 1.2 with 16.


def reference(
    shape: AttentionShape,
    projected: F64,
    position: int,
    *,
    theta: float,
    qk_norm: F64 | None = None,
    eps: float = 0.0,
    bias: F64 | None = None,
) -> tuple[F64, F64, F64]:
    """The definition: projected [T, q|k|v], qk_norm [2, D], bias [q|k|v]; gives back q [T, Hq, D], k and v
    [T, Hkv, D]."""
    s, count = shape, len(projected)
    if bias is not None:
        projected = projected + bias
    q = projected[:, : s.keys_at].reshape(count, s.heads, s.query_stride)[:, :, : s.size]
    k = projected[:, s.keys_at : s.values_at].reshape(count, s.kv_heads, s.size)
    v = projected[:, s.values_at :].reshape(count, s.kv_heads, s.size)
    half = s.rotary // 2
    frequencies = (1.0 / (theta ** (np.arange(0, s.rotary, 2, dtype=np.float32) / s.rotary))).astype(np.float32)
    angles = (position + np.arange(count))[:, None] * frequencies.astype(np.float64)
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]

    def turned(x: F64, which: int) -> F64:
        if qk_norm is not None:
            x = x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * qk_norm[which]
        low, high = x[..., :half], x[..., half : s.rotary]
        return np.concatenate([low * cos - high * sin, high * cos + low * sin, x[..., s.rotary :]], axis=-1)

    return turned(q, 0), turned(k, 1), v


@cache
def rope_cache(
    shape: AttentionShape,
    *,
    tuning: Tuning,
    chunk: int,
    act: str,
    kv_cache: str,
    normed: bool,
    eps: float,
    biased: bool,
) -> Kernel:
    """Buffers: projected [chunk, q|k|v], rope [rows, R/2, 2], q [chunk, Hq, D], and the cache (kv_cache.py);
    normed: qk_norm [2, D]; biased: bias [q|k|v], as wide as a projected row."""
    s, half = shape, shape.rotary // 2
    threads = SOFTWARE_THREADS if tuning.software else GPU_THREADS
    name = f"rope_cache_{s.name}{'_normed' if normed else ''}{'_biased' if biased else ''}_{act}_{kv_cache}_{threads}"
    k = KernelBuilder(name, (PerTokens(), s.heads + s.kv_heads), threads)
    projected = k.buffer("projected", (chunk, s.projected), act)
    qk_norm = k.buffer("qk_norm", (2, s.size), "float32") if normed else None
    bias = k.buffer("bias", (s.projected,), "float32") if biased else None
    rope = k.buffer("rope", (s.table_rows, half, 2), "float32")
    q = k.buffer("q", (chunk, s.heads, s.size), act)
    rounded = Q8Writer(k, s) if kv_cache == "q8" else None
    names = () if rounded else ("k_cache", "v_cache")
    caches = [k.buffer(name, (s.positions, s.kv_heads, s.size), FORMS[kv_cache]) for name in names]
    position = k.scalar("position")

    def value_at(token: Expr, column: Expr) -> Expr:
        value = f32(projected[token, column])
        return value if bias is None else value + bias[column]

    with k.threads() as (token, head, thread):
        at = let(position + token)
        key_head = let(head - s.heads)
        first = hold(T.if_then_else(head < s.heads, head * s.query_stride, s.keys_at + key_head * s.size), "int32")
        row = shared(s.size)
        if qk_norm is None:
            with strided(thread, s.size, threads) as i:
                store(row, i, value_at(token, first + i))
        else:
            squares, partial = Cell(const(0.0)), shared(threads)
            with strided(thread, s.size, threads) as i:
                value = hold(value_at(token, first + i))
                squares.add(value * value)
            store(partial, thread, squares.get())
            barrier()
            inverse = hold(T.rsqrt(sum_over(partial, threads) / const(float(s.size)) + const(eps)))
            with strided(thread, s.size, threads) as i:
                weight = qk_norm[T.if_then_else(head < s.heads, 0, 1), i]
                store(row, i, value_at(token, first + i) * inverse * weight)
        barrier()
        # On its way into a q8 cache, a row waits here until all of it is known.
        waiting = [shared(4 * quads(s)) for _ in range(2)] if rounded else []
        with strided(thread, s.size, threads) as i:
            result = Cell(row[i])
            with when(i < s.rotary):
                pair = let(i % half)
                fine, coarse = let(at % FINE), let(FINE + at // FINE)
                cos_a, sin_a = hold(rope[fine, pair, 0]), hold(rope[fine, pair, 1])
                cos_b, sin_b = hold(rope[coarse, pair, 0]), hold(rope[coarse, pair, 1])
                cos = cos_a * cos_b - sin_a * sin_b
                sin = sin_a * cos_b + cos_a * sin_b
                other = hold(T.if_then_else(i < half, -row[pair + half], row[pair]))
                result.set(row[i] * cos + other * sin)
            with T.If(head < s.heads):
                with T.Then():
                    store(q, (token, head, i), cast(result.get(), act))
                with T.Else():
                    value = value_at(token, s.values_at + key_head * s.size + i)
                    for cache_, number in zip(caches, (result.get(), value), strict=bool(caches)):
                        store(cache_, (at, key_head, i), cast(number, FORMS[kv_cache]))
                    for row_, number in zip(waiting, (result.get(), value), strict=bool(waiting)):
                        store(row_, i, number)
        if rounded:
            rounded.write(at, key_head, waiting, thread, threads, only=head >= s.heads)
    return k.finish()
