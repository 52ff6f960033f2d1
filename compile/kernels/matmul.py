"""Matrix times many vectors, for prefill: Y = X Wᵀ, W quantised, a chunk of tokens.

A thread takes one row of W (two for swiglu) and eight tokens: a group of weights is unpacked once and used eight times.
X is the same for all threads of a workgroup, so its loads are broadcasts. No workgroup memory and no barriers.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from .common import (
    Cell,
    Kernel,
    KernelBuilder,
    PerTokens,
    Rows,
    cast,
    const,
    dot,
    f32,
    hold,
    let,
    loop,
    silu,
    store,
    when,
)
from .weights import QuantisedMatrix

F64 = NDArray[np.float64]

THREADS = 64
TOKENS = 8  # tokens per thread


def reference(weights: F64, x: F64, epilogue: str, y: F64) -> F64:
    """The definition: weights [R, K], x [T, K], y [T, R] what the output held before."""
    product = x @ weights.T
    if epilogue == "add":
        return np.asarray(y + product)
    if epilogue == "swiglu":
        gate, up = product[:, 0::2], product[:, 1::2]
        return np.asarray(gate / (1 + np.exp(-gate)) * up)
    return np.asarray(product)


@cache
def matmul(
    rows: int,
    width: int,
    form: str,
    *,
    chunk: int,
    x_dtype: str,
    y_dtype: str,
    epilogue: str = "store",
    y_start: int = 0,
    y_width: int | None = None,
) -> Kernel:
    """Buffers: w_words, w_scales, x [chunk, width], y [chunk, y_width], written from column y_start on."""
    per_thread = 2 if epilogue == "swiglu" else 1
    y_width = rows // per_thread if y_width is None else y_width
    part = f"_at_{y_start}_of_{y_width}" if y_width != rows // per_thread else ""
    name = f"matmul_{epilogue}_{form}_{rows}x{width}_{x_dtype}_{y_dtype}{part}"
    k = KernelBuilder(name, (-(-rows // (THREADS * per_thread)), PerTokens(TOKENS)), THREADS)
    x = Rows(k, "x", chunk, width, x_dtype)
    weights = QuantisedMatrix(k, "w", rows, width, form)
    y = k.buffer("y", (chunk, y_width), y_dtype)
    tokens = k.scalar("tokens")

    with k.threads() as (block, tile, thread):
        first = let((block * THREADS + thread) * per_thread)
        at_token = [let(T.min(tile * TOKENS + i, tokens - 1)) for i in range(TOKENS)]
        sums = [[Cell(const(0.0)) for _ in range(TOKENS)] for _ in range(per_thread)]
        with loop(weights.groups) as group:
            for r in range(per_thread):
                values, scale = weights.group(T.min(first + r, rows - 1), group)
                for i, value in enumerate(values):
                    scaled = hold(value if scale is None else value * T.broadcast(scale, 4), "float32x4")
                    for token, total in zip(at_token, sums[r], strict=True):
                        total.add(dot(scaled, x.four(token, group * 8 + i)))
        with when(first < rows):
            for i in range(TOKENS):
                token = tile * TOKENS + i
                column = y_start + (T.shift_right(first, 1) if epilogue == "swiglu" else first)
                with when(token < tokens):
                    result = sums[0][i].get()
                    if epilogue == "swiglu":
                        result = silu(let(result)) * sums[1][i].get()
                    elif epilogue == "add":
                        result = f32(y[token, column]) + result
                    store(y, (token, column), cast(result, y_dtype))
    return k.finish()
