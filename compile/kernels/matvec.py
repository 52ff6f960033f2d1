"""Matrix times vector, for decode: y = W x, W quantised, one token.

LANES neighbouring threads read neighbouring groups of a row, so that a workgroup's loads are contiguous, and each
thread works on two rows, so that x is loaded once for both. The RMS norm in front of a projection is computed on the
way: every row meets all of x, so the squares are summed beside the products and no launch is spent on the norm.

Epilogues: "store", "add" (y += W x, the residual), "swiglu" (rows come in pairs gate, up: y = silu(gate) · up).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from .common import (
    Cell,
    Kernel,
    KernelBuilder,
    Rows,
    barrier,
    cast,
    const,
    dot,
    f32,
    let,
    loop,
    shared,
    silu,
    store,
    when,
)
from .weights import QuantisedMatrix

F64 = NDArray[np.float64]

THREADS = 64
ROWS = 2  # rows per thread


def reference(weights: F64, x: F64, norm: F64 | None, eps: float, epilogue: str, y: F64) -> F64:
    """The definition: weights [R, K], x [K], norm [K] or None, y [R] what the output held before."""
    if norm is not None:
        x = x / np.sqrt(np.mean(x * x) + eps) * norm
    product = weights @ x
    if epilogue == "add":
        return np.asarray(y + product)
    if epilogue == "swiglu":
        gate, up = product[0::2], product[1::2]
        return np.asarray(gate / (1 + np.exp(-gate)) * up)
    return np.asarray(product)


@cache
def matvec(
    rows: int,
    width: int,
    form: str,
    *,
    x_dtype: str,
    y_dtype: str,
    epilogue: str = "store",
    norm_eps: float | None = None,
    x_rows: int = 1,
    y_start: int = 0,
    y_size: int | None = None,
) -> Kernel:
    """Buffers: w_words, w_scales, x [x_rows, width] of which row tokens-1 is used, norm [width] if `norm_eps` is
    given, y [y_size] of which `rows` (half of it for swiglu) are written from y_start on."""
    per_row = 2 if epilogue == "swiglu" else 1
    y_size = rows // per_row if y_size is None else y_size
    lanes = min(8, 1 << (-(-width // 32)).bit_length() - 1)
    rows_per_group = THREADS // lanes * ROWS
    kind = f"{'norm_' if norm_eps is not None else ''}matvec_{epilogue}_{form}_{rows}x{width}"
    name = (
        f"{kind}_{x_dtype}_{y_dtype}" + (f"_at_{y_start}" if y_start else "") + (f"_of_{x_rows}" if x_rows > 1 else "")
    )
    k = KernelBuilder(name, (-(-rows // rows_per_group), 1), THREADS)
    x = Rows(k, "x", x_rows, width, x_dtype)
    norm = Rows(k, "norm", 1, width, "float32") if norm_eps is not None else None
    weights = QuantisedMatrix(k, "w", rows, width, form)
    y = k.buffer("y", (y_size,), y_dtype)
    x_row = k.scalar("tokens") - 1 if x_rows > 1 else 0

    with k.threads() as (block, _, thread):
        lane = let(thread % lanes)
        first = let((block * (THREADS // lanes) + thread // lanes) * ROWS)
        sums = [Cell(const(0.0)) for _ in range(ROWS + (norm is not None))]
        with loop(-(-weights.groups // lanes)) as step:
            group = let(step * lanes + lane)
            with when(group < weights.groups):
                read = x.four if norm is None else x.four_or_zero  # a square past the end would count
                xs = [let(read(x_row, group * 8 + i)) for i in range(8)]
                if norm is not None:
                    for v in xs:
                        sums[ROWS].add(dot(v, v))
                    xs = [let(v * norm.four(0, group * 8 + i)) for i, v in enumerate(xs)]
                for r in range(ROWS):
                    values, scale = weights.group(T.min(first + r, rows - 1), group)
                    product = sum((dot(v, xs[i]) for i, v in enumerate(values)), start=const(0.0))
                    sums[r].add(product if scale is None else product * scale)
        if lanes > 1:
            partial = shared(THREADS * len(sums))
            for i, total in enumerate(sums):
                store(partial, i * THREADS + thread, total.get())
            barrier()
        with when(lane == 0):
            if lanes > 1:
                for i, total in enumerate(sums):
                    for other in range(1, lanes):
                        total.add(partial[i * THREADS + thread + other])
            results = [total.get() for total in sums[:ROWS]]
            if norm_eps is not None:
                inverse = let(T.rsqrt(sums[ROWS].get() / const(float(width)) + const(norm_eps)))
                results = [result * inverse for result in results]
            if epilogue == "swiglu":
                with when(first < rows):
                    store(y, y_start + T.shift_right(first, 1), cast(silu(let(results[0])) * results[1], y_dtype))
            else:
                for r, result in enumerate(results):
                    at = y_start + first + r
                    with when(first + r < rows):
                        store(y, at, cast(f32(y[at]) + result if epilogue == "add" else result, y_dtype))
    return k.finish()
