"""Causal attention over the cache, then the output gate: its definition, and what its kernels have in common.

All walk the cache in tiles of positions with a running softmax (Dao et al. 2022, "FlashAttention"): scores of a tile,
the largest so far, what that shrinks of the sums so far, then the tile's values. The context's length is in no size:
only loops depend on it. Scores, softmax and sums are f32 in every variant.

Query heads that share a key-value head are worked on together, so that keys and values are loaded once for them.

For GPUs: `attention_tiled` in prefill, `attention_split` in decode, and `attention_merge` after both. For software
adapters: `attention_plain` in both, in decode with the same merge.
"""

# T tokens, Hq query heads, Hkv key-value heads, D head size, P positions

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from ..shapes import AttentionShape
from .common import Expr, splat

F64 = NDArray[np.float64]


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


def together(shape: AttentionShape, most: int) -> int:
    """Query heads that a thread or workgroup takes together: of those that share a key-value head, as many as divide
    them evenly and are no more than `most`."""
    each = shape.heads // shape.kv_heads
    return max(count for count in range(1, min(each, most) + 1) if each % count == 0)


def gated(values: Expr, gate: Expr) -> Expr:
    """vec4<f32> values · sigmoid(gate)"""
    return values / (splat(1.0) + T.exp(splat(0.0) - gate))
