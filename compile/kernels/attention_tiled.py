"""Attention for GPUs in prefill: a workgroup takes a tile of 32 rows (tokens, times the query heads of one key-value
head) and walks the cache in tiles of 32 positions, or a part of it.

A short question has few tiles of rows, and each would walk a long conversation alone: 15 tokens of the 0.8B are 4
workgroups. So where there are few, as many parts share the positions as make up the workgroups of a full chunk, and
attention_merge.py adds up what they found. The grid is always the same: behind the parts there is nothing to do.

Keys are staged in workgroup memory, 64 dimensions at a time, because neighbouring threads score neighbouring positions,
whose rows lie far apart; each thread scores 4 rows and 2 positions. Then 4 threads a row make shares of the scores.
Values and queries are read where they lie: threads that mix values own neighbouring columns, so that their loads are
contiguous, and a query is the same for 16 threads. A thread mixes up to 8 rows. Staged keys, scores and the few numbers
of each row take 13 KiB of workgroup memory.
"""

# T tokens, Hq query heads, Hkv key-value heads, D head size, P positions, C quads of a head

from functools import cache

from tvm.tirx.script import builder as T

from ..shapes import AttentionShape
from .attention import together
from .attention_merge import Partials
from .common import (
    MASKED,
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
    barrier,
    choose,
    const,
    dot,
    hold,
    let,
    loop,
    splat,
    store,
    unsynchronised,
    when,
)
from .heads import Heads
from .kv_cache import CacheRows, cache_rows

THREADS = 128
ROWS = 32  # of a workgroup, at most
SPAN = 32  # positions of a tile
STAGED = 16  # quads of a head that are staged at a time
ACROSS = 16  # threads that score the same rows
TURN = ROWS * ACROSS // THREADS  # rows that such a thread scores
EACH = SPAN // ACROSS  # positions that it scores
PARTS = THREADS // ROWS  # threads that share a row in the softmax
LEAST = 4 * SPAN  # positions of a part
WORKGROUPS = 256  # enough to keep a large GPU busy
STRIDE = SPAN + 1  # of workgroup arrays: one more, so that threads that go down a column meet different banks


def rows_of(shape: AttentionShape, chunk: int) -> int:
    """Rows of `partials`: each workgroup has some of its own."""
    return _groups(shape, chunk) * _tokens_each(shape)


@cache
def attention_tiled(shape: AttentionShape, *, chunk: int, act: str, kv_cache: str) -> Kernel:
    """Prefill. Buffers: q [chunk, Hq, D], the cache (kv_cache.py), partials [rows_of, Hq, 1 + C] vec4<f32>."""
    s, heads, tokens_each, groups = shape, together(shape, ROWS), _tokens_each(shape), _groups(shape, chunk)
    k = KernelBuilder(f"attention_tiled_{s.name}_{groups}_{act}_{kv_cache}", (groups, s.heads // heads), THREADS)
    q = Heads(k, "q", chunk, s.heads, s.size, act)
    keys, values = cache_rows(k, s, kv_cache)
    partials = Partials(k, s, rows_of(s, chunk))
    position, tokens = k.scalar("position"), k.scalar("tokens")
    with k.threads() as (group, block, thread):
        tiles = hold((tokens + (tokens_each - 1)) // tokens_each, "int32")
        seen = let(position + tokens)
        parts = hold(T.max(T.min(groups // tiles, (seen + (LEAST - 1)) // LEAST), 1), "int32")
        length = hold((seen + (parts * SPAN - 1)) // (parts * SPAN) * SPAN, "int32")
        part = hold(group // tiles, "int32")
        first = (hold((group - part * tiles) * tokens_each, "int32"), let(block * heads))
        end = hold(position + T.min(first[0] + tokens_each, tokens), "int32")
        start, stop = hold(part * length, "int32"), hold(T.min((part + 1) * length, end), "int32")
        kv_head = let(block * heads * s.kv_heads // s.heads)
        work = _Workgroup(s, thread, heads, first, (position, tokens))
        with when(start < stop):
            with loop((stop - start + (SPAN - 1)) // SPAN) as walked:
                at = let(start + walked * SPAN)
                work.score(q, keys, kv_head, at, stop)
                work.share()
                work.mix(values, kv_head, at, stop)
            work.leave(partials, part, (end + (length - 1)) // length)
    return k.finish()


def _tokens_each(shape: AttentionShape) -> int:
    """Of a workgroup."""
    return ROWS // together(shape, ROWS)


def _groups(shape: AttentionShape, chunk: int) -> int:
    """Workgroups for the same heads."""
    return max(-(-chunk // _tokens_each(shape)), WORKGROUPS * together(shape, ROWS) // shape.heads)


class _Workgroup:
    """What the threads of a workgroup have in common and of their own: workgroup memory is synchronised by hand.

    Row r is query head r % heads of token r // heads; rows past the last token repeat it and are not written.
    """

    def __init__(
        self, shape: AttentionShape, thread: Expr, heads: int, first: tuple[Expr, Expr], call: tuple[Expr, Expr]
    ) -> None:
        self._thread, self._heads, self._first, self._call = thread, heads, first, call
        self._scale, self._quads = shape.size**-0.5, -(-shape.size // 4)
        self._staged, self._scores = unsynchronised(STAGED * STRIDE, "float32x4"), unsynchronised(ROWS * STRIDE)
        self._tops, self._shrinks = unsynchronised(THREADS), unsynchronised(ROWS)
        self._peak, self._total = Cell(const(MASKED)), Cell(const(0.0))
        # To score.
        self._across, self._down = let(thread % ACROSS), let(thread // ACROSS)
        self._tokens = [hold(T.min(self._token(self._down * TURN + r), call[1] - 1), "int32") for r in range(TURN)]
        # To mix.
        self._columns = 32 if self._quads > 16 else 16 if self._quads > 8 else 8
        column, rows = let(thread % self._columns), ROWS * self._columns // THREADS
        self._rows = [let(thread // self._columns * rows + r) for r in range(rows)]
        self._own = [let(column + i * self._columns) for i in range(-(-self._quads // self._columns))]
        self._mixed = [[Cell(splat(0.0), "float32x4") for _ in self._own] for _ in self._rows]

    def score(self, q: Heads, keys: CacheRows, kv_head: Expr, start: Expr, end: Expr) -> None:
        """The scores of a tile, masked."""
        sums = [[Cell(const(0.0)) for _ in range(EACH)] for _ in range(TURN)]
        heads = [self._head(self._down * TURN + r) for r in range(TURN)]
        whole = self._quads % STAGED == 0
        with loop(-(-self._quads // STAGED)) as stage:
            barrier()
            with loop(STAGED * SPAN // THREADS) as i:
                item = let(self._thread + i * THREADS)
                quad, at = let(item % STAGED), let(item // STAGED)
                inside = stage * STAGED + quad if whole else T.min(stage * STAGED + quad, self._quads - 1)
                four = keys.four(T.min(start + at, end - 1), kv_head, inside)
                store(self._staged, quad * STRIDE + at, four)
            barrier()
            with loop(STAGED if whole else T.min(self._quads - stage * STAGED, STAGED)) as quad:
                fours = [let(self._staged[quad * STRIDE + self._across + e * ACROSS]) for e in range(EACH)]
                for token, head, row in zip(self._tokens, heads, sums, strict=True):
                    query = let(q.four(token, head, stage * STAGED + quad))
                    for total, four in zip(row, fours, strict=True):
                        total.add(dot(query, four))
        for r, (token, row) in enumerate(zip(self._tokens, sums, strict=True)):
            for e, total in enumerate(row):
                at = let(self._across + e * ACROSS)
                seen = start + at <= self._call[0] + token
                score = choose(seen, total.get() * const(self._scale), const(MASKED))
                store(self._scores, (self._down * TURN + r) * STRIDE + at, score)
        barrier()

    def share(self) -> None:
        """Scores to shares, and what that shrinks."""
        row = let(self._thread // PARTS)
        first = let(row * STRIDE + self._thread % PARTS * (SPAN // PARTS))
        top = Cell(const(MASKED))
        with loop(SPAN // PARTS) as i:
            top.set(T.max(top.get(), self._scores[first + i]))
        store(self._tops, self._thread, top.get())
        barrier()
        top.set(self._peak.get())
        with loop(PARTS) as i:
            top.set(T.max(top.get(), self._tops[row * PARTS + i]))
        shrink = hold(T.exp(self._peak.get() - top.get()))
        store(self._shrinks, row, shrink)
        self._peak.set(top.get())
        self._total.set(self._total.get() * shrink)
        with loop(SPAN // PARTS) as i:
            share = hold(T.exp(self._scores[first + i] - top.get()))
            self._total.add(share)
            store(self._scores, first + i, share)
        barrier()

    def mix(self, values: CacheRows, kv_head: Expr, start: Expr, end: Expr) -> None:
        """Adds the values of a tile to the mixtures."""
        for row, cells in zip(self._rows, self._mixed, strict=True):
            shrink = let(self._shrinks[row])
            for cell in cells:
                cell.set(cell.get() * T.broadcast(shrink, 4))
        quads = [T.min(quad, self._quads - 1) if self._quads % self._columns else quad for quad in self._own]
        with loop(SPAN) as i:
            at = let(T.min(start + i, end - 1))
            fours = [let(values.four(at, kv_head, quad)) for quad in quads]
            for row, cells in zip(self._rows, self._mixed, strict=True):
                share = let(self._scores[row * STRIDE + i])
                for cell, four in zip(cells, fours, strict=True):
                    cell.add(four * T.broadcast(share, 4))

    def leave(self, partials: Partials, part: Expr, used: Expr) -> None:
        """Writes what each row has come to."""
        store(self._tops, self._thread, self._total.get())
        barrier()
        own = let(self._thread // PARTS)
        total = hold(sum((self._tops[own * PARTS + i] for i in range(PARTS)), start=const(0.0)))
        with when(T.And(self._thread % PARTS == 0, self._is_there(own))):
            partials.leave(self._partial(part, own), self._head(own), self._peak.get(), total, used)
        for row, cells in zip(self._rows, self._mixed, strict=True):
            for quad, cell in zip(self._own, cells, strict=True):
                with when(T.And(self._is_there(row), quad < self._quads)):
                    partials.put(self._partial(part, row), self._head(row), quad, cell.get())

    def _is_there(self, row: Expr) -> Expr:
        return T.And(row < ROWS // self._heads * self._heads, self._token(row) < self._call[1])

    def _partial(self, part: Expr, row: Expr) -> Expr:
        return part * self._call[1] + self._token(row)

    def _token(self, row: Expr) -> Expr:
        return self._first[0] + row // self._heads

    def _head(self, row: Expr) -> Expr:
        return self._first[1] + row % self._heads
