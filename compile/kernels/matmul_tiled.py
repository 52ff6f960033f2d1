"""The way of matmul.py for GPUs. A workgroup of 128 threads takes 64 rows and 64 tokens, 32 columns of them at a time
in workgroup memory: W unpacked and scaled once for 64 tokens, X as it comes. A thread multiplies 8 rows with 4 tokens:
12 vec4 loads from workgroup memory for 128 multiply-adds (4 by 4, as it was: 8 for 64).

Workgroup memory is a vec4 [columns / 4][64] for W and for X, and both sides of it are free of bank conflicts: where
threads load from global memory, 8 neighbours want the 8 vec4 of one token (and 4 the words of one row), so that they
read whole cache lines; where they multiply, 8 neighbours want 8 rows of the same columns. XOR of the place with the
column's number gives both different banks. Rows lie such that a thread's come in pairs, for swiglu: even rows first.

The loads for the next columns are in flight, in registers, while the threads multiply the present ones: small matrices
have too few workgroups for a GPU to hide that time with others.

A tile of 32 tokens or fewer, a short question or the end of a long one, would have threads multiply rows that nobody
reads. There 2 or 4 threads take the same tokens, each a slice of the columns, and add up their sums at the end: 16
tokens cost a quarter of the multiply-adds that 64 do, and of the loads from workgroup memory. q4 3584x1024 with swiglu,
15 tokens, on lavapipe, without and with that: 57 ms and 25; 64 tokens: 57 to 59 and 60. Not yet measured on a GPU.

The tiles are f32 whatever the activations are. In f16 they would halve the workgroup memory, but each thread would
convert 48 numbers for 128 multiply-adds, and weights would be rounded once more: worst error of the f16 variant's
logits on two small models 4.6e-3 and 5.5e-3 of the largest logit with f32 tiles, 4.6e-3 and 7.9e-3 with f16 tiles,
7.1e-3 and 8.7e-3 when four products are summed up in f16 as well.
"""

# R rows, K columns, T tokens

from tvm.tirx.script import builder as T

from .common import (
    Buffer,
    Cell,
    Expr,
    Rows,
    barrier,
    const,
    dot,
    hold,
    lane,
    let,
    loop,
    splat,
    store,
    unsynchronised,
    when,
)
from .weights import QuantisedMatrix

TILE = 64  # rows, and tokens, of a workgroup
ROWS = 8  # of a thread
TOKENS = 4
ACROSS = TILE // ROWS  # threads along the rows
DOWN = TILE // TOKENS  # and along the tokens
THREADS = ACROSS * DOWN
QUADS = 8  # vec4 of columns in workgroup memory
QUARTERS = 4  # of a group, unpacked by as many threads


class Tiles:
    """The products of a thread: `sums` for `rows` and `tokens`, where a token that is not there stands for none."""

    def __init__(
        self, x: Rows, weights: QuantisedMatrix, rows: int, tokens: Expr, ids: tuple[Expr, Expr, Expr]
    ) -> None:
        block, tile, thread = ids
        right, down = hold(thread % ACROSS, "int32"), hold(thread // ACROSS, "int32")
        first_row, first_token = let(block * TILE), let(tile * TILE)
        share = _Share(down, tokens - first_token)
        self.rows = [first_row + 16 * (r // 2) + 2 * right + r % 2 for r in range(ROWS)]
        self.sums = [[Cell(const(0.0)) for _ in range(ROWS)] for _ in range(TOKENS)]
        staged = _Staged(unsynchronised(QUADS * TILE, "float32x4"), unsynchronised(QUADS * TILE, "float32x4"))
        loads: list[_Weights | _Tokens] = []
        for i in range(TILE * QUARTERS // THREADS):
            loads.append(_Weights(weights, staged.w, thread, i, first_row, rows))
        for i in range(TILE * QUADS // THREADS):
            loads.append(_Tokens(x, weights, staged.x, thread, i, first_token, tokens))
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
            with T.If(share.whole):
                with T.Then(), loop(QUADS) as quad:
                    x_at = hold(_place(down, quad), "int32")
                    self._multiply(staged, right, quad, [x_at + t * DOWN for t in range(TOKENS)])
                with T.Else(), loop(share.quads) as i:
                    quad = hold(share.first_quad + i, "int32")
                    self._multiply(staged, right, quad, [_place(token, quad) for token in share.tokens])
        self._fold(staged, share, right, thread)
        # Held: each is used many times.
        self.tokens = [
            hold(T.Select(share.owns(t), first_token + token, tokens), "int32") for t, token in enumerate(share.tokens)
        ]

    def _multiply(self, staged: "_Staged", right: Expr, quad: Expr, x_at: list[Expr]) -> None:
        """Adds what four columns give; the thread's tokens lie at `x_at`."""
        w_at = hold(_place(right, quad), "int32")
        fours = [hold(staged.x[at], "float32x4") for at in x_at]
        for r in range(ROWS):  # one after the other: GPUs with few registers would spill, if all were held
            w = hold(staged.w[w_at + r * ACROSS], "float32x4")
            for sums, four in zip(self.sums, fours, strict=True):
                sums[r].add(dot(w, four))

    def _fold(self, staged: "_Staged", share: "_Share", right: Expr, thread: Expr) -> None:
        """Adds up the sums of threads that shared their columns; each of them then owns some of the tokens."""
        barrier()
        with when(T.Not(share.whole)):
            for t, sums in enumerate(self.sums):
                for half in range(2):
                    four = T.Shuffle([total.get() for total in sums[4 * half : 4 * half + 4]], [0, 1, 2, 3])
                    store(*staged.partial(t, half, thread), four)
        barrier()
        with when(T.Not(share.whole)):
            for t, sums in enumerate(self.sums):
                with when(share.owns(t)):
                    for half in range(2):
                        total = Cell(splat(0.0), "float32x4")
                        with loop(share.count) as slice_:
                            buffer, at = staged.partial(t, half, share.thread(slice_) * ACROSS + right)
                            total.add(buffer[at])
                        for r in range(4):
                            sums[4 * half + r].set(lane(total.get(), r))


def _place(index: Expr, quad: Expr) -> Expr:
    """Where four columns of a row or a token lie. A multiple of 8 may be added to the index, or to this."""
    return quad * TILE + T.bitwise_xor(index, quad)


class _Share:
    """How the threads of a tile share its work. All together take the tokens of a full one; where there are fewer, 2 or
    4 take the same tokens, each a slice of every 32 columns."""

    def __init__(self, down: Expr, present: Expr) -> None:
        shift = hold(T.Select(present > TILE // 2, 0, T.Select(present > TILE // 4, 1, 2)), "int32")
        self.whole = shift == 0
        self.count = hold(T.shift_left(1, shift), "int32")
        self.quads = hold(T.shift_right(QUADS, shift), "int32")  # of a slice
        self._wide = hold(T.shift_right(DOWN, shift), "int32")  # threads side by side along the tokens
        self._column = hold(T.bitwise_and(down, self._wide - 1), "int32")
        self._slice = hold(T.shift_right(down, DOWN.bit_length() - 1 - shift), "int32")
        self._owned = hold(T.shift_right(TOKENS, shift), "int32")
        self.first_quad = hold(self._slice * self.quads, "int32")
        self.tokens = [hold(self._column + t * self._wide, "int32") for t in range(TOKENS)]

    def owns(self, t: int) -> Expr:
        """Whether the t-th of the thread's tokens is its own in the end."""
        return T.And(t >= self._slice * self._owned, t < (self._slice + 1) * self._owned)

    def thread(self, slice_: Expr) -> Expr:
        """The place along the tokens of the thread that has another slice of the same."""
        return slice_ * self._wide + self._column


class _Staged:
    """Workgroup memory: columns of W and of X, and in the end what threads with the same tokens have to add up."""

    def __init__(self, w: Buffer, x: Buffer) -> None:
        self.w, self.x = w, x

    def partial(self, t: int, half: int, thread: Expr) -> tuple[Buffer, Expr]:
        """The place of a thread's sums for its t-th token and half of its rows."""
        return (self.w if t < 2 else self.x), (t % 2 * 2 + half) * THREADS + thread


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
        for i, four in enumerate(self._weights.levels([word.get() for word in self._words])):
            quad = let(self._quarter * 2 + i)
            value = four if self._scale is None else four * T.broadcast(self._scale.get(), 4)
            store(self._staged, _place(self._slot, quad), value)


class _Tokens:
    """Four values of a token on their way to workgroup memory."""

    def __init__(
        self, x: Rows, weights: QuantisedMatrix, staged: Buffer, thread: Expr, i: int, first: Expr, tokens: Expr
    ) -> None:
        self._x, self._weights, self._staged = x, weights, staged
        index = thread + i * THREADS
        self._quad, token = hold(index % QUADS, "int32"), let(index // QUADS)
        self._token = hold(T.min(first + token, tokens - 1), "int32")
        self._at = hold(_place(token, self._quad), "int32")
        # A thread's fours have the same place in every group.
        self._factor = weights.factor(self._quad)
        self._four = Cell(splat(0.0), "float32x4")

    def fetch(self, group: Expr) -> None:
        self._four.set(self._x.four(self._token, group * QUADS + self._quad))

    def put(self) -> None:
        four = self._four.get()
        store(self._staged, self._at, four if self._factor is None else four * self._factor)
