"""The way of matmul.py for GPUs. A workgroup of 128 threads takes 64 rows and 64 tokens, 32 columns of them at a time
in workgroup memory: W unpacked and scaled once for 64 tokens, X as it comes. A thread multiplies 8 rows with 4 tokens:
12 vec4 loads from workgroup memory for 128 multiply-adds (4 by 4, as it was: 8 for 64).

Workgroup memory is a vec4 [columns / 4][64] for W and for X, and both sides of it are free of bank conflicts: where
threads load from global memory, 8 neighbours want the 8 vec4 of one token (and 4 the words of one row), so that they
read whole cache lines; where they multiply, 8 neighbours want 8 rows of the same columns. XOR of the place with the
column's number gives both different banks. Rows lie such that a thread's come in pairs, for swiglu: even rows first.

The loads for the next columns are in flight, in registers, while the threads multiply the present ones: small matrices
have too few workgroups for a GPU to hide that time with others.

The tiles are f32 whatever the activations are. In f16 they would halve the workgroup memory, but each thread would
convert 48 numbers for 128 multiply-adds, and weights would be rounded once more: worst error of the f16 variant's
logits on two small models 4.6e-3 and 5.5e-3 of the largest logit with f32 tiles, 4.6e-3 and 7.9e-3 with f16 tiles,
7.1e-3 and 8.7e-3 when four products are summed up in f16 as well.
"""

# R rows, K columns, T tokens

from tvm.tirx.script import builder as T

from .common import Buffer, Cell, Expr, Rows, barrier, const, dot, hold, let, loop, shared, splat, store
from .weights import QuantisedMatrix

TILE = 64  # rows, and tokens, of a workgroup
ROWS = 8  # of a thread
TOKENS = 4
ACROSS = TILE // ROWS  # threads along the rows
THREADS = ACROSS * (TILE // TOKENS)
QUADS = 8  # vec4 of columns in workgroup memory
QUARTERS = 4  # of a group, unpacked by as many threads


class Tiles:
    """The products of a thread: `sums` for `rows` and `tokens`."""

    def __init__(
        self, x: Rows, weights: QuantisedMatrix, rows: int, tokens: Expr, ids: tuple[Expr, Expr, Expr]
    ) -> None:
        block, tile, thread = ids
        right, down = hold(thread % ACROSS, "int32"), hold(thread // ACROSS, "int32")
        first_row, first_token = let(block * TILE), let(tile * TILE)
        self.rows = [first_row + 16 * (r // 2) + 2 * right + r % 2 for r in range(ROWS)]
        self.tokens = [first_token + down + t * (TILE // TOKENS) for t in range(TOKENS)]
        self.sums = [[Cell(const(0.0)) for _ in range(ROWS)] for _ in range(TOKENS)]
        staged_w, staged_x = shared(QUADS * TILE, "float32x4"), shared(QUADS * TILE, "float32x4")
        loads: list[_Weights | _Tokens] = []
        for i in range(TILE * QUARTERS // THREADS):
            loads.append(_Weights(weights, staged_w, thread, i, first_row, rows))
        for i in range(TILE * QUADS // THREADS):
            loads.append(_Tokens(x, staged_x, thread, i, first_token, tokens))
        for load in loads:
            load.fetch(0)
        with loop(weights.groups) as group:
            barrier()
            for load in loads:
                load.put()
            barrier()
            following = hold(T.min(group + 1, weights.groups - 1), "int32")
            for load in loads:
                load.fetch(following)
            with loop(QUADS) as quad:
                w_at = hold(quad * TILE + T.bitwise_xor(right, quad), "int32")
                x_at = hold(quad * TILE + T.bitwise_xor(down, quad), "int32")
                ws = [hold(staged_w[w_at + r * ACROSS], "float32x4") for r in range(ROWS)]
                for t, sums in enumerate(self.sums):
                    four = hold(staged_x[x_at + t * (TILE // TOKENS)], "float32x4")
                    for total, w in zip(sums, ws, strict=True):
                        total.add(dot(w, four))


class _Weights:
    """A quarter of a group of a row on its way to workgroup memory."""

    def __init__(self, weights: QuantisedMatrix, staged: Buffer, thread: Expr, i: int, first: Expr, rows: int) -> None:
        self._weights, self._staged = weights, staged
        index = thread + i * THREADS
        row = let(index // QUARTERS)
        self._quarter = hold(index % QUARTERS, "int32")
        self._row = hold(T.min(first + row, rows - 1), "int32")
        # Of 16 rows the even ones lie first.
        self._slot = hold(row // 16 * 16 + row % 2 * 8 + row % 16 // 2, "int32")
        self._words = [Cell(T.uint32(0), "uint32") for _ in range(weights.words_of_quarter)]
        self._scale = Cell(const(0.0)) if weights.scaled else None

    def fetch(self, group: Expr) -> None:
        at = self._weights.at(self._row, group)
        for cell, word in zip(self._words, self._weights.quarter_words(at, self._quarter), strict=True):
            cell.set(word)
        scale = self._weights.scale(at)
        if self._scale is not None and scale is not None:
            self._scale.set(scale)

    def put(self) -> None:
        for i, four in enumerate(self._weights.unpack([word.get() for word in self._words])):
            quad = let(self._quarter * 2 + i)
            value = four if self._scale is None else four * T.broadcast(self._scale.get(), 4)
            store(self._staged, quad * TILE + T.bitwise_xor(self._slot, quad), value)


class _Tokens:
    """Four values of a token on their way to workgroup memory."""

    def __init__(self, x: Rows, staged: Buffer, thread: Expr, i: int, first: Expr, tokens: Expr) -> None:
        self._x, self._staged = x, staged
        index = thread + i * THREADS
        self._quad, token = hold(index % QUADS, "int32"), let(index // QUADS)
        self._token = hold(T.min(first + token, tokens - 1), "int32")
        self._at = hold(self._quad * TILE + T.bitwise_xor(token, self._quad), "int32")
        self._four = Cell(splat(0.0), "float32x4")

    def fetch(self, group: Expr) -> None:
        self._four.set(self._x.four(self._token, group * QUADS + self._quad))

    def put(self) -> None:
        store(self._staged, self._at, self._four.get())
