"""Causal attention over the cache with a running softmax (Dao et al. 2022, "FlashAttention"), then the output gate.

A workgroup per token and query head walks the cache in tiles of 64 positions: first a thread per position for the
scores, then a thread per dimension for the values. The context's length is in no size: only loops depend on it.
"""

# T tokens, Hq query heads, Hkv key-value heads, D head size, P positions

from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from ..shapes import AttentionShape
from .common import (
    MASKED,
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
    loop,
    registers,
    shared,
    sigmoid,
    store,
    strided,
    when,
)

F64 = NDArray[np.float64]

TILE = 64  # positions per tile, and threads per workgroup


def reference(shape: AttentionShape, q: F64, k: F64, v: F64, gate: F64 | None) -> F64:
    """The definition: q [T, Hq, D], k and v [P, Hkv, D] with the tokens of q at the end, gate [T, Hq, D]."""
    s, count, positions = shape, len(q), len(k)
    y = np.zeros((count, s.heads, s.size))
    for t in range(count):
        seen = positions - count + t + 1
        for head in range(s.heads):
            of = head * s.kv_heads // s.heads
            scores = k[:seen, of] @ q[t, head] / np.sqrt(s.size)
            shares = np.exp(scores - scores.max())
            y[t, head] = shares @ v[:seen, of] / shares.sum()
    if gate is not None:
        y = y / (1 + np.exp(-gate))
    return y.reshape(count, -1)


@cache
def attention(shape: AttentionShape, *, chunk: int, act: str) -> Kernel:
    """Buffers: q [chunk, Hq, D], k_cache and v_cache [positions, Hkv, D], y [chunk, Hq, D]; with a gate also
    projected [chunk, q|k|v], where the gates are."""
    s = shape
    k = KernelBuilder(f"attention_{s.name}_{act}", (s.heads, PerTokens()), TILE)
    q = k.buffer("q", (chunk, s.heads, s.size), act)
    k_cache = k.buffer("k_cache", (s.positions, s.kv_heads, s.size), act)
    v_cache = k.buffer("v_cache", (s.positions, s.kv_heads, s.size), act)
    projected = k.buffer("projected", (chunk, s.projected), act) if s.gated else None
    y = k.buffer("y", (chunk, s.heads, s.size), act)
    position = k.scalar("position")
    per_thread = -(-s.size // TILE)

    with k.threads() as (head, token, thread):
        kv_head = let(head * s.kv_heads // s.heads)
        seen = let(position + token + 1)
        query, shares = shared(s.size), shared(TILE)
        with strided(thread, s.size, TILE) as i:
            store(query, i, f32(q[token, head, i]) * const(s.size**-0.5))
        peak, total = Cell(const(MASKED)), Cell(const(0.0))
        mixed = registers(per_thread)
        for j in range(per_thread):
            store(mixed, j, const(0.0))
        barrier()
        with loop((seen + (TILE - 1)) // TILE) as tile:
            at = let(tile * TILE + thread)
            score = Cell(const(MASKED))
            with when(at < seen):
                score.set(const(0.0))
                with loop(s.size) as i:
                    score.add(query[i] * f32(k_cache[at, kv_head, i]))
            store(shares, thread, score.get())
            barrier()
            new_peak = Cell(peak.get())
            with loop(TILE) as i:
                new_peak.set(T.max(new_peak.get(), shares[i]))
            barrier()
            store(shares, thread, T.exp(score.get() - new_peak.get()))
            shrink = hold(T.exp(peak.get() - new_peak.get()))
            peak.set(new_peak.get())
            barrier()
            total.set(total.get() * shrink)
            for j in range(per_thread):
                store(mixed, j, mixed[j] * shrink)
            with loop(T.min(const(TILE, "int32"), seen - tile * TILE)) as i:
                share = hold(shares[i])
                total.add(share)
                for j in range(per_thread):
                    dimension = j * TILE + thread
                    inside = T.min(dimension, s.size - 1) if (j + 1) * TILE > s.size else dimension
                    store(mixed, j, mixed[j] + share * f32(v_cache[tile * TILE + i, kv_head, inside]))
            barrier()
        for j in range(per_thread):
            dimension = let(j * TILE + thread)
            with when(dimension < s.size):
                result = mixed[j] / total.get()
                if projected is not None:
                    result = result * sigmoid(f32(projected[token, head * s.query_stride + s.size + dimension]))
                store(y, (token, head, dimension), cast(result, act))
    return k.finish()
