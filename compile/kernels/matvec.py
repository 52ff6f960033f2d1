"""Matrix times vector, for decode: y = W x, W quantised, one token.

On a GPU 32 neighbouring threads share a row: each takes 8 weights of every 256, so that in q4 they read 128 bytes in a
row, a cache line, and a matrix of 1024 rows has 16,384 threads with loads in flight. x comes from the L1 cache, 2 vec4
for 8 weights of up to 4 rows: 16 cache lines for 32 threads, where a whole group of 32 weights for each thread took
8 vec4 that lie 128 bytes apart, 4 times as many lines for a weight. Small matrices take fewer rows to a thread, for
more threads. The 32 sums are folded in subgroups (subgroups.py) or in workgroup memory.

On a software adapter each load is paid for and a barrier is dear: a thread is alone with 16 rows (tuning.py).

The RMS norm in front of a projection costs no launch and almost no work. Whoever writes the hidden row also writes it
scaled by the weights of the norm that comes next, and, a number for each of its workgroups, the sum of its squares.
What is left here is one factor for all rows: 1 / sqrt(Σ squares / K + eps).

Epilogues: "store"; "swiglu" (rows come in pairs gate, up: y = silu(gate) · up); "add" (hidden += W x, and, for the norm
that comes next, `scaled` and `squares`).

Other rows that take the same x can ride along, in workgroups behind the first matrix' own: a second, exact matrix of
f32, or the next part of a matrix that is too large for one binding.
"""

# R rows, K columns, P workgroups that wrote squares

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from ..tuning import Tuning
from .common import (
    Buffer,
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
    Rows,
    barrier,
    cast,
    const,
    dot,
    hold,
    let,
    loop,
    registers,
    shared,
    silu,
    store,
    strided,
    sum_over,
    when,
)
from .subgroups import fold
from .weights import QuantisedMatrix

F64 = NDArray[np.float64]


def reference(weights: F64, x: F64, squares: F64 | None, eps: float, epilogue: str) -> F64:
    """The definition: weights [R, K], x [K], squares [P] (None: no norm in front); y [R], or [R/2] for swiglu."""
    factor = 1.0 if squares is None else 1 / np.sqrt(squares.sum() / len(x) + eps)
    product = weights @ x * factor
    if epilogue == "swiglu":
        gate, up = product[0::2], product[1::2]
        return np.asarray(gate / (1 + np.exp(-gate)) * up)
    return np.asarray(product)


def workgroups(rows: int, width: int, tuning: Tuning) -> int:
    """Workgroups of a product, and so the numbers that its squares come in."""
    return -(-rows // (tuning.threads // tuning.lanes_for(width) * tuning.rows_for(rows)))


class _Product:
    """The part that all epilogues share: the dot products of a thread's rows with x, summed over its lanes."""

    def __init__(self, k: KernelBuilder, name: str, rows: int, width: int, form: str, tuning: Tuning) -> None:
        self.rows, self.width, self._tuning = rows, width, tuning
        self.lanes, self.rows_per_thread = tuning.lanes_for(width), tuning.rows_for(rows)
        self._weights = QuantisedMatrix(k, name, rows, width, form, single=tuning.lanes > 1)

    def results(self, block: Expr, thread: Expr, x: Rows, squares: Buffer | None, count: int, eps: float) -> "_Results":
        """Multiplies; only threads with lane 0 have the whole sums."""
        lanes, rows = self.lanes, self.rows_per_thread
        lane = let(thread % lanes)
        first = let((block * (self._tuning.threads // lanes) + thread // lanes) * rows)
        sums = self._over_quarters(first, x, lane) if self._tuning.lanes > 1 else self._over_groups(first, x)
        if squares is not None:
            sums.append(Cell(const(0.0)))
            with loop(-(-count // lanes)) as step:
                at = let(step * lanes + lane)
                with when(at < count):
                    sums[-1].add(squares[at])
        if lanes > 1:
            fold(sums, thread, lane, threads=self._tuning.threads, lanes=lanes, subgroups=self._tuning.subgroups)
        values = [total.get() for total in sums[:rows]]
        if squares is not None:
            inverse = hold(T.rsqrt(sums[-1].get() / const(float(self.width)) + const(eps)))
            values = [value * inverse for value in values]
        return _Results(lane, first, values)

    def _over_groups(self, first: Expr, x: Rows) -> list[Cell]:
        """Of a thread that is alone with its rows. They take turns in a loop: with 8 rows written out SwiftShader
        compiled for 230 ms instead of 60 and ran a fifth slower; lavapipe runs both alike."""
        sums = registers(self.rows_per_thread)
        for r in range(self.rows_per_thread):
            store(sums, r, const(0.0))
        with loop(self._weights.groups) as group:
            xs, surplus = self._weights.meet([let(x.four(0, group * 8 + i)) for i in range(8)])
            with loop(self.rows_per_thread) as r:
                at = self._weights.at(T.min(first + r, self.rows - 1), group)
                product = sum(map(dot, self._weights.levels(self._weights.group(at)), xs), start=const(0.0))
                product = product if surplus is None else product - surplus
                scale = self._weights.scale(at)
                store(sums, r, sums[r] + (product if scale is None else product * scale))
        return [Cell(sums[r]) for r in range(self.rows_per_thread)]

    def _over_quarters(self, first: Expr, x: Rows, lane: Expr) -> list[Cell]:
        """Of a thread that shares its rows: what its lane takes of them."""
        rows = [hold(T.min(first + r, self.rows - 1), "int32") for r in range(self.rows_per_thread)]
        sums = [Cell(const(0.0)) for _ in rows]
        with strided(lane, 4 * self._weights.groups, self.lanes) as quarter:
            group, part = hold(quarter // 4, "int32"), hold(quarter % 4, "int32")
            xs, _ = self._weights.meet([let(x.four(0, quarter * 2 + i)) for i in range(2)])
            for row, total in zip(rows, sums, strict=True):
                at = self._weights.at(row, group)
                words = self._weights.quarter_words(at, part)
                product = sum(map(dot, self._weights.levels(words), xs), start=const(0.0))
                scale = self._weights.scale(at)
                total.add(product if scale is None else product * scale)
        return sums


class _Results:
    """What a thread has at the end: values for rows first.. (whole only where lane is 0)."""

    def __init__(self, lane: Expr, first: Expr, values: Sequence[Expr]) -> None:
        self.lane, self.first, self.values = lane, first, values


@cache
def matvec(
    rows: int,
    width: int,
    form: str,
    *,
    tuning: Tuning,
    x_dtype: str,
    y_dtype: str,
    epilogue: str = "store",
    squares: int = 0,
    eps: float = 0.0,
    y_start: int = 0,
    y_size: int | None = None,
    next_rows: int = 0,
    exact_rows: int = 0,
) -> Kernel:
    """Buffers: w_words, w_scales, x [K], squares [`squares`] if that is not 0, y [y_size] of which `rows` (half of it
    for swiglu) are written from y_start on; with `next_rows`, n_words and n_scales, the matrix' part that follows; with
    `exact_rows`, e_words and exact [exact_rows] f32."""
    shrink = 2 if epilogue == "swiglu" else 1
    y_size = (rows + next_rows) // shrink if y_size is None else y_size
    products = {"w": (rows, form), "n": (next_rows, form), "e": (exact_rows, "f32")}
    counts = {name: workgroups(each, width, tuning) for name, (each, _) in products.items() if each}
    name = f"matvec_{epilogue}_{form}_{rows}x{width}_{x_dtype}_{y_dtype}_{tuning.name}"
    name += f"_norm{squares}" if squares else ""
    name += (f"_at_{y_start}" if y_start else "") + (f"_then_{next_rows}" if next_rows else "")
    name += f"_and_{exact_rows}" if exact_rows else ""
    k = KernelBuilder(name, (sum(counts.values()), 1), tuning.threads)
    x = Rows(k, "x", 1, width, x_dtype)
    given = k.buffer("squares", (squares,), "float32") if squares else None
    made = {name: _Product(k, name, each, width, form, tuning) for name, (each, form) in products.items() if each}
    y = k.buffer("y", (y_size,), y_dtype)
    exact = k.buffer("exact", (exact_rows,), "float32") if exact_rows else None

    def write(which: str, block: Expr, thread: Expr) -> None:
        product = made[which]
        found = product.results(block, thread, x, given, squares, eps)
        with when(found.lane == 0):
            if which == "e":
                _write_rows(exact, "float32", 0, found, product.rows)
            elif epilogue == "swiglu":
                _write_pairs(y, y_dtype, y_start + (rows // 2 if which == "n" else 0), found, product.rows)
            else:
                _write_rows(y, y_dtype, y_start + (rows if which == "n" else 0), found, product.rows)

    def share_out(names: Sequence[str], block: Expr, thread: Expr) -> None:
        first, *others = names
        if not others:
            write(first, block, thread)
            return
        with T.If(block < counts[first]):
            with T.Then():
                write(first, block, thread)
            with T.Else():
                share_out(others, block - counts[first], thread)

    with k.threads() as (block, _, thread):
        share_out(list(counts), block, thread)
    return k.finish()


def _write_rows(y: Buffer, dtype: str, start: int, found: _Results, rows: int) -> None:
    for r, value in enumerate(found.values):
        with when(found.first + r < rows):
            store(y, start + found.first + r, cast(value, dtype))


def _write_pairs(y: Buffer, dtype: str, start: int, found: _Results, rows: int) -> None:
    """silu(gate) · up of each pair of rows."""
    for r in range(0, len(found.values), 2):
        with when(found.first + r < rows):
            gate, up = hold(found.values[r]), found.values[r + 1]
            store(y, start + T.shift_right(found.first, 1) + r // 2, cast(silu(gate) * up, dtype))


def add_reference(weights: F64, x: F64, hidden: F64, norm: F64) -> tuple[F64, F64, float]:
    """The definition of matvec_add: the new hidden row, that row scaled, and the sum of its squares."""
    new = hidden + weights @ x
    return new, new * norm, float(new @ new)


@cache
def matvec_add(
    rows: int,
    width: int,
    form: str,
    *,
    tuning: Tuning,
    x_dtype: str,
    start: int = 0,
    size: int | None = None,
    squares_start: int = 0,
    squares_size: int | None = None,
) -> Kernel:
    """hidden += W x. Buffers: w_words, w_scales, x [K]; hidden [size] f32, norm [size] of the norm that comes next, and
    scaled [size] f32, all from `start` on; squares [squares_size] f32, one for each workgroup from squares_start on."""
    size = rows if size is None else size
    blocks = workgroups(rows, width, tuning)
    name = f"matvec_add_{form}_{rows}x{width}_{x_dtype}_{tuning.name}_at_{start}_of_{size}_{squares_start}"
    k = KernelBuilder(name, (blocks, 1), tuning.threads)
    x = Rows(k, "x", 1, width, x_dtype)
    product = _Product(k, "w", rows, width, form, tuning)
    hidden, norm, scaled = (k.buffer(name, (size,), "float32") for name in ("hidden", "norm", "scaled"))
    squares = k.buffer("squares", (squares_size or blocks,), "float32")
    with k.threads() as (block, _, thread):
        found = product.results(block, thread, x, None, 0, 0.0)
        square = Cell(const(0.0))
        with when(found.lane == 0):
            for r, value in enumerate(found.values):
                at = let(start + found.first + r)
                with when(found.first + r < rows):
                    new = hold(hidden[at] + value)
                    store(hidden, at, new)
                    store(scaled, at, new * norm[at])
                    square.add(new * new)
        partial = shared(tuning.threads // product.lanes)
        with when(found.lane == 0):
            store(partial, thread // product.lanes, square.get())
        barrier()
        with when(thread == 0):
            store(squares, squares_start + block, sum_over(partial, tuning.threads // product.lanes))
    return k.finish()
