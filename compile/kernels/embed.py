"""Embedding: the row of the table that each token names, unpacked to f32. A thread per group of 32 values.

A table too large for one binding comes in parts; each part writes the tokens that fall into its rows.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from ..quantise import groups
from .common import Kernel, KernelBuilder, PerTokens, hold, lane, let, store, when
from .weights import QuantisedMatrix

F64 = NDArray[np.float64]

THREADS = 64


def reference(table: F64, tokens: NDArray[np.int64]) -> F64:
    """The definition: table [V, K], tokens [T]."""
    return np.asarray(table[tokens])


@cache
def embed(rows: int, width: int, form: str, *, first_row: int, chunk: int) -> Kernel:
    """Buffers: w_words, w_scales (rows first_row.. of the table), tokens [chunk] u32, hidden [chunk, width] f32."""
    blocks = -(-groups(width) // THREADS)
    name = f"embed_{form}_{rows}x{width}" + (f"_at_{first_row}" if first_row else "")
    k = KernelBuilder(name, (PerTokens(), blocks), THREADS)
    table = QuantisedMatrix(k, "w", rows, width, form)
    tokens = k.buffer("tokens", (chunk,), "uint32")
    hidden = k.buffer("hidden", (chunk, width), "float32")
    with k.threads() as (token, block, thread):
        row = let(T.Cast("int32", tokens[token]) - first_row)
        group = let(block * THREADS + thread)
        inside = T.And(T.And(row >= 0, row < rows), group < table.groups)
        with when(inside):
            values, scale = table.group(row, group)
            for i, value in enumerate(values):
                four = hold(value if scale is None else value * T.broadcast(scale, 4), "float32x4")
                for j in range(4):
                    column = group * 32 + (i * 4 + j)
                    if width % 32 == 0:
                        store(hidden, (token, column), lane(four, j))
                    else:
                        with when(column < width):
                            store(hidden, (token, column), lane(four, j))
    return k.finish()
