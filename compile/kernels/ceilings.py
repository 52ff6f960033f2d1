"""What an adapter can do at best, measured with kernels that have nothing else to do: read memory, multiply matrices.

No model launches them. `windowseat bench` does, in the same run and on the same adapter as the model, and states the
model's kernels as a share of what these reach.

`read_all` adds up the words of a buffer. On a GPU neighbouring threads read neighbouring vec4s, 16 each. In software
each thread reads 4 KiB of its own; measured on lavapipe on two busy cores, reads of a thread in all and in a row: 16
and 1: 1.3 GB/s, 16 and 16: 1.3, 64 and 16: 3.5, 256 and 8: 8.6, 1024 and 8: 8.7; neighbours: 1.7 at best.

`plain_matmul` is Y = X Wᵀ with nothing quantised, in two ways (Tile). Staged, for GPUs: a workgroup brings a slice of
its rows and of its tokens to workgroup memory and each thread multiplies some of them; a row there is padded by one
vec4, so that the eight threads that share a cycle hit different banks. Direct, for software adapters: a thread reads
what it needs itself, and no barrier is paid. Measured in f32 on two busy cores, 2048x1024 times 128 tokens, rows and
tokens of a thread, GFLOP/s on lavapipe and on SwiftShader: 4 and 4: 7.0, 2.1; 8 and 4: 10.9, 2.6; 4 and 8: 11.9, 2.7;
4 and 16: 8.6; 8 and 8: 15.4, 3.5; 16 and 4: 4.5; 8 and 16: 7.7, 3.7; 16 and 8: 16.4, 3.6. f16 was slower on lavapipe,
`fma` in place of `dot` made no difference.
"""

# R rows, K columns, T tokens

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from .common import (
    Buffer,
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
    barrier,
    cast,
    const,
    dot,
    f32,
    let,
    loop,
    shared,
    store,
    vec4_f32,
)

F64 = NDArray[np.float64]
U32 = NDArray[np.uint32]

VECTOR = 4
READERS = 64  # threads in a workgroup of `read_all`
IN_A_ROW = 8  # reads without a loop in between


@dataclass(frozen=True, slots=True)
class Reading:
    """How `read_all` is shared out."""

    reads: int  # vec4s of a thread
    neighbours: bool  # whether threads side by side read vec4s side by side; otherwise each has a run of its own


GPU_READING = Reading(16, neighbours=True)
SOFTWARE_READING = Reading(256, neighbours=False)


def reference_sums(words: U32, reading: Reading) -> U32:
    """The definition of `read_all`: what each thread adds up, modulo 2³²: [threads, 4]."""
    shape = (-1, reading.reads, READERS if reading.neighbours else 1, VECTOR)
    return np.asarray(words.reshape(shape).sum(axis=1, dtype=np.uint32).reshape(-1, VECTOR))


@cache
def read_all(words: int, *, reading: Reading) -> Kernel:
    """Buffers: x [words / 4] and sums [threads], vec4<u32>."""
    groups = words // (READERS * reading.reads * VECTOR)
    k = KernelBuilder(f"read_all_{words}_{reading.reads}", (groups, 1), READERS)
    x = k.buffer("x", (words // VECTOR,), "uint32x4")
    sums = k.buffer("sums", (groups * READERS,), "uint32x4")
    stride = READERS if reading.neighbours else 1
    with k.threads() as (group, _, thread):
        first = let(group * (READERS * reading.reads) + thread * (1 if reading.neighbours else reading.reads))
        total = Cell(T.broadcast(T.uint32(0), VECTOR), "uint32x4")
        with loop(reading.reads // IN_A_ROW) as i:
            for j in range(IN_A_ROW):
                total.add(x[first + (i * IN_A_ROW + j) * stride])
        store(sums, group * READERS + thread, total.get())
    return k.finish()


@dataclass(frozen=True, slots=True)
class Tile:
    """How a plain product is shared out. Each thread has `thread_rows` times `thread_tokens` results."""

    rows: int  # of a workgroup
    tokens: int
    thread_rows: int
    thread_tokens: int
    depth: int  # columns in workgroup memory at a time; 0: none, threads read for themselves

    @property
    def across(self) -> int:
        """Threads along the rows."""
        return self.rows // self.thread_rows

    @property
    def threads(self) -> int:
        return self.across * (self.tokens // self.thread_tokens)

    @property
    def name(self) -> str:
        return f"{self.rows}x{self.tokens}_{self.thread_rows}x{self.thread_tokens}_{self.depth}"


STAGED = (Tile(64, 64, 4, 4, 16), Tile(64, 64, 8, 8, 16), Tile(128, 128, 8, 8, 8))
DIRECT = (Tile(512, 8, 8, 8, 0), Tile(1024, 8, 16, 8, 0))


def reference_product(weights: F64, x: F64) -> F64:
    """The definition of `plain_matmul`: weights [R, K], x [T, K]."""
    return np.asarray(x @ weights.T)


@cache
def plain_matmul(rows: int, width: int, tokens: int, *, tile: Tile, dtype: str) -> Kernel:
    """Buffers: w [rows, width], x [tokens, width], y [tokens, rows]; sums are f32 whatever the type."""
    k = KernelBuilder(
        f"plain_matmul_{rows}x{width}_{tokens}_{dtype}_{tile.name}",
        (rows // tile.rows, tokens // tile.tokens),
        tile.threads,
    )
    w = k.buffer("w", (rows, width // VECTOR), f"{dtype}x4")
    x = k.buffer("x", (tokens, width // VECTOR), f"{dtype}x4")
    y = k.buffer("y", (tokens, rows), dtype)
    with k.threads() as (block, column, thread):
        # Neighbouring threads have neighbouring rows: their results lie side by side.
        local_rows = [let(thread % tile.across + r * tile.across) for r in range(tile.thread_rows)]
        down = let(thread // tile.across)
        local_tokens = [let(down + t * (tile.tokens // tile.thread_tokens)) for t in range(tile.thread_tokens)]
        sums = [[Cell(const(0.0)) for _ in range(tile.thread_rows)] for _ in range(tile.thread_tokens)]
        at = (block * tile.rows, column * tile.tokens)
        if tile.depth:
            _staged(w, x, tile, width, dtype, (*at, thread), (local_rows, local_tokens), sums)
        else:
            with loop(width // VECTOR) as i:
                values = [let(vec4_f32(w[at[0] + row, i])) for row in local_rows]
                for token, totals in zip(local_tokens, sums, strict=True):
                    four = let(vec4_f32(x[at[1] + token, i]))
                    for value, total in zip(values, totals, strict=True):
                        total.add(dot(value, four))
        for token, totals in zip(local_tokens, sums, strict=True):
            for row, total in zip(local_rows, totals, strict=True):
                store(y, (at[1] + token, at[0] + row), cast(total.get(), dtype))
    return k.finish()


def _staged(
    w: Buffer,
    x: Buffer,
    tile: Tile,
    width: int,
    dtype: str,
    ids: tuple[Expr, Expr, Expr],
    local: tuple[list[Expr], list[Expr]],
    sums: list[list[Cell]],
) -> None:
    first_row, first_token, thread = ids
    slices = tile.depth // VECTOR
    stride = slices + 1
    staged_w, staged_x = (shared(count * stride, f"{dtype}x4") for count in (tile.rows, tile.tokens))
    with loop(width // tile.depth) as part:
        barrier()
        for source, staged, first, count in (
            (w, staged_w, first_row, tile.rows),
            (x, staged_x, first_token, tile.tokens),
        ):
            for j in range(count * slices // tile.threads):
                index = let(thread + j * tile.threads)
                row, four = let(index // slices), let(index % slices)
                store(staged, row * stride + four, source[first + row, part * slices + four])
        barrier()
        with loop(slices) as i:
            values = [let(staged_w[row * stride + i]) for row in local[0]]
            for token, totals in zip(local[1], sums, strict=True):
                four = let(staged_x[token * stride + i])
                for value, total in zip(values, totals, strict=True):
                    total.add(_product(value, four, dtype))


def _product(a: Expr, b: Expr, dtype: str) -> Expr:
    """Four products in the type of the matrices, where GPUs are fastest; sums of more are f32."""
    return dot(a, b) if dtype == "float32" else f32(T.call_pure_extern(dtype, "dot", a, b))
