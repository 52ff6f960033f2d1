"""Embedding: the row of the table that each token names, unpacked to f32. A thread per group of 32 values.

A table too large for one binding comes in parts; each part writes the tokens that fall into its rows. `embed_row`, for
decode, also prepares the norm that comes next, as matvec.py describes.
"""

# V rows, K columns, T tokens

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from ..extent import PerTokens
from ..quantise import groups
from .common import (
    Buffer,
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
    barrier,
    const,
    hold,
    lane,
    let,
    loop,
    shared,
    store,
    sum_over,
    when,
)
from .weights import QuantisedMatrix

F64 = NDArray[np.float64]

THREADS = 64


def reference(table: F64, tokens: NDArray[np.int64]) -> F64:
    """The definition: table [V, K], tokens [T]."""
    return np.asarray(table[tokens])


def blocks(width: int) -> int:
    """Workgroups for one token, and so the numbers that its squares come in."""
    return -(-groups(width) // THREADS)


@cache
def embed(rows: int, width: int, form: str, *, first_row: int, chunk: int) -> Kernel:
    """Buffers: w_words, w_scales (rows first_row.. of the table), tokens [chunk] u32, hidden [chunk, width] f32."""
    k = KernelBuilder(f"embed_{form}_{rows}x{width}_at_{first_row}", (PerTokens(), blocks(width)), THREADS)
    table = QuantisedMatrix(k, "w", rows, width, form, single=True)
    tokens = k.buffer("tokens", (chunk,), "uint32")
    hidden = k.buffer("hidden", (chunk, width), "float32")
    with k.threads() as (token, block, thread):
        row = let(T.Cast("int32", tokens[token]) - first_row)
        group = let(block * THREADS + thread)
        with when(T.And(_within(row, rows), group < table.groups)):
            for column, value in _values(table, row, group):
                with when(column < width):
                    store(hidden, (token, column), value)
    return k.finish()


@cache
def embed_row(rows: int, width: int, form: str, *, first_row: int) -> Kernel:
    """Buffers: w_words, w_scales, tokens [1] u32, hidden [width] f32, norm [width] of the norm that comes next, scaled
    [width] f32, squares [blocks] f32."""
    k = KernelBuilder(f"embed_row_{form}_{rows}x{width}_at_{first_row}", (blocks(width), 1), THREADS)
    table = QuantisedMatrix(k, "w", rows, width, form, single=True)
    tokens: Buffer = k.buffer("tokens", (1,), "uint32")
    hidden, norm, scaled = (k.buffer(name, (width,), "float32") for name in ("hidden", "norm", "scaled"))
    squares = k.buffer("squares", (blocks(width),), "float32")
    with k.threads() as (block, _, thread):
        row = let(T.Cast("int32", tokens[0]) - first_row)
        group = let(block * THREADS + thread)
        square = Cell(const(0.0))
        with when(T.And(_within(row, rows), group < table.groups)):
            for column, value in _values(table, row, group):
                with when(column < width):
                    held = hold(value)
                    store(hidden, column, held)
                    store(scaled, column, held * norm[column])
                    square.add(held * held)
        partial = shared(THREADS)
        store(partial, thread, square.get())
        barrier()
        with when(T.And(thread == 0, _within(row, rows))):
            store(squares, block, sum_over(partial, THREADS))
    return k.finish()


def _within(row: Expr, rows: int) -> Expr:
    return T.And(row >= 0, row < rows)


def _values(table: QuantisedMatrix, row: Expr, group: Expr) -> Iterator[tuple[Expr, Expr]]:
    """Columns and values of a group, in order."""
    at = table.at(row, group)
    scale = table.scale(at)
    with loop(4) as part:
        for i, value in enumerate(table.quarter(at, part)):
            four = hold(value if scale is None else value * T.broadcast(scale, 4), "float32x4")
            for j in range(4):
                yield group * 32 + part * 8 + (i * 4 + j), lane(four, j)
