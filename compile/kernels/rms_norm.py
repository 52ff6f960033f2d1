"""RMS norm of each token, for prefill: y = x / sqrt(mean(x²) + eps) · weight. One workgroup per token.

Decode has no such launch: its norms are part of the projections that follow them (matvec.py).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from .common import Cell, Kernel, KernelBuilder, PerTokens, barrier, cast, const, let, shared, store, strided, sum_over

F64 = NDArray[np.float64]

THREADS = 64


def reference(x: F64, weight: F64, eps: float) -> F64:
    """The definition: x [T, K], weight [K]."""
    return np.asarray(x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + eps) * weight)


@cache
def rms_norm(width: int, *, chunk: int, y_dtype: str, eps: float) -> Kernel:
    """Buffers: x [chunk, width] f32, norm [width], y [chunk, width]."""
    k = KernelBuilder(f"rms_norm_{width}_{y_dtype}", (PerTokens(), 1), THREADS)
    x = k.buffer("x", (chunk, width), "float32")
    norm = k.buffer("norm", (width,), "float32")
    y = k.buffer("y", (chunk, width), y_dtype)
    with k.threads() as (token, _, thread):
        squares = Cell(const(0.0))
        with strided(thread, width, THREADS) as i:
            squares.add(x[token, i] * x[token, i])
        partial = shared(THREADS)
        store(partial, thread, squares.get())
        barrier()
        inverse = let(T.rsqrt(sum_over(partial, THREADS) / const(float(width)) + const(eps)))
        with strided(thread, width, THREADS) as i:
            store(y, (token, i), cast(x[token, i] * inverse * norm[i], y_dtype))
    return k.finish()
