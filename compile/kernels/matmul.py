"""Matrix times many vectors, for prefill: Y = X Wᵀ, W quantised, a chunk of tokens. Two ways, chosen by tuning.py:

Tiled, for GPUs: matmul_tiled.py.

Plain, for software adapters: a thread takes 16 rows and 4 tokens and reads everything itself; no barriers. What costs
is the number of loads, not their width: in a loop lavapipe takes the lanes of a load one by one. So words come four at
a time, and the columns of q4 weights stay in place (weights.py). Measured on two cores, q4 3584x1024 times 64 tokens,
in GFLOP/s on lavapipe and on SwiftShader, of kernels written by hand like these: words one by one, 8 rows: 16.0, 3.2;
four at a time, 8 rows: 21.5, 3.0; 16 rows: 25.3, 3.5; levels in place: 25.2, 5.1. 8 tokens instead of 4: 28.5, 6.6,
but no faster in a whole model on lavapipe, and compiling takes twice as long. Values of x read by one lane and spread
with `subgroupBroadcast`: 21.4 on lavapipe, which walks the lanes for that as well.

Activations as int8, a scale for 32, and `dot4I8Packed`, 8 rows and 8 tokens a thread: 21.7 GFLOP/s where the plain way
had 13.8 (SwiftShader 1.7 and 1.0). Not taken: simulated on the demo model, logits are off by up to 4.6e-2 of the
largest (median of 22 texts 1.6e-2), and the likeliest token changes at 19 of 485 positions. Activations in f16: no
faster.
"""

# R rows, K columns, T tokens

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from ..extent import PerTokens
from ..tuning import Tuning
from . import matmul_tiled
from .common import (
    Buffer,
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
    Rows,
    cast,
    const,
    dot,
    hold,
    let,
    loop,
    silu,
    store,
    when,
)
from .weights import QuantisedMatrix

F64 = NDArray[np.float64]

THREADS = 16  # in a workgroup of the plain way
TOKENS = 4  # of a thread there


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
    tuning: Tuning,
    chunk: int,
    x_dtype: str,
    y_dtype: str,
    epilogue: str = "store",
    y_start: int = 0,
    y_width: int | None = None,
) -> Kernel:
    """Buffers: w_words, w_scales, x [chunk, width], y [chunk, y_width], written from column y_start on."""
    y_width = rows // (2 if epilogue == "swiglu" else 1) if y_width is None else y_width
    name = f"matmul_{epilogue}_{form}_{rows}x{width}_{x_dtype}_{y_dtype}_{tuning.name}_at_{y_start}_of_{y_width}"
    across = THREADS * _plain_rows(rows) if tuning.software else matmul_tiled.TILE
    grid = (-(-rows // across), PerTokens(TOKENS if tuning.software else matmul_tiled.TILE))
    k = KernelBuilder(name, grid, THREADS if tuning.software else matmul_tiled.THREADS)
    x = Rows(k, "x", chunk, width, x_dtype)
    weights = QuantisedMatrix(k, "w", rows, width, form, single=not tuning.software)
    outputs = _plain_rows(rows) // (2 if epilogue == "swiglu" else 1)  # of a thread: a run of columns of y
    each = 4 if tuning.software and outputs % 4 == rows % 8 == y_start % 4 == y_width % 4 == 0 else 1
    y = k.buffer("y", (chunk, y_width // each), y_dtype if each == 1 else f"{y_dtype}x4")
    write = _writer(y, y_dtype, each, y_start, rows, k.scalar("tokens"), epilogue)
    with k.threads() as (block, tile, thread):
        if tuning.software:
            _plain(x, weights, rows, k.scalar("tokens"), (block, tile, thread), write)
        else:
            made = matmul_tiled.Tiles(x, weights, rows, k.scalar("tokens"), (block, tile, thread))
            for token, sums in zip(made.tokens, made.sums, strict=True):
                write(made.rows, token, sums)
    return k.finish()


# Takes the rows of a thread (pairs of neighbours, or one run), one token, and the sums.
Write = Callable[[Sequence[Expr], Expr, Sequence[Cell]], None]


def _writer(y: Buffer, dtype: str, each: int, start: int, rows: int, tokens: Expr, epilogue: str) -> Write:
    """`each`: columns of y that are written at once, 1 or 4."""
    shrink = 2 if epilogue == "swiglu" else 1
    of = (lambda name: name) if each == 1 else (lambda name: f"{name}x4")

    def write(at: Sequence[Expr], token: Expr, sums: Sequence[Cell]) -> None:
        values = [total.get() for total in sums]
        if epilogue == "swiglu":
            values = [silu(gate) * up for gate, up in zip(values[::2], values[1::2], strict=True)]
        with when(token < tokens):
            for i in range(0, len(values), each):
                row = at[i * shrink]
                with when(row < rows):
                    place = (token, (start + T.shift_right(row, shrink - 1)) // each)
                    value = values[i] if each == 1 else T.Shuffle(values[i : i + 4], [0, 1, 2, 3])
                    if epilogue == "add":
                        value = cast(y[place], of("float32")) + value
                    store(y, place, cast(value, of(dtype)))

    return write


def _plain(
    x: Rows, weights: QuantisedMatrix, rows: int, tokens: Expr, ids: tuple[Expr, Expr, Expr], write: Write
) -> None:
    block, tile, thread = ids
    count = _plain_rows(rows)
    at = [let((block * THREADS + thread) * count + r) for r in range(count)]
    token = [let(tile * TOKENS + t) for t in range(TOKENS)]
    read = [hold(T.min(t, tokens - 1), "int32") for t in token]
    sums = [[Cell(const(0.0)) for _ in range(count)] for _ in range(TOKENS)]
    with loop(weights.groups) as group:
        groups = [weights.at(T.min(row, rows - 1), group) for row in at]
        scales = [weights.scale(each) for each in groups]
        surpluses = [Cell(const(0.0)) for _ in range(TOKENS if weights.has_surplus else 0)]
        # A loop, not all in a row: shaders of a fourth of the size compile four times as fast.
        for part, words in weights.quarters(groups):
            met = [weights.meet([let(x.four(row, group * 8 + part * 2 + i)) for i in range(2)]) for row in read]
            levels = [weights.levels(each) for each in words]
            for i in range(2):
                values = [
                    hold(four[i] if scale is None else four[i] * T.broadcast(scale, 4), "float32x4")
                    for four, scale in zip(levels, scales, strict=True)
                ]
                for totals, (fours, _) in zip(sums, met, strict=True):
                    for total, value in zip(totals, values, strict=True):
                        total.add(dot(value, fours[i]))
            for total, (_, surplus) in zip(surpluses, met, strict=False):
                if surplus is not None:
                    total.add(surplus)
        for totals, surplus in zip(sums, surpluses, strict=False):
            for total, scale in zip(totals, scales, strict=True):
                if scale is not None:
                    total.add(-scale * surplus.get())
    for t in range(TOKENS):
        write(at, token[t], sums[t])


def _plain_rows(rows: int) -> int:
    """Rows of a thread: fewer in a small matrix, whose few threads would leave cores idle."""
    return 16 if rows >= 1024 else 2
