"""Attention for software adapters, in prefill and in decode: a thread works alone, without barriers or workgroup
memory.

A thread takes several rows (query heads of one key-value head, up to 8; where those are fewer than 4, several tokens)
and walks the positions in blocks of 8 or 4: about 32 scores in registers for 12 loads. What a row has mixed so far lies
in the output, which is f32 here, and is read and written once a block; an array of the thread's own is no faster, and
one of 4 KiB made lavapipe compile for 17 s. In decode a thread takes one part of the positions, and attention_merge.py
adds the parts up.

Nothing in a block may branch: with its mask as a condition SwiftShader ran 5 times slower, or compiled for minutes.
"""

# T tokens, Hq query heads, Hkv key-value heads, D head size, P positions, S parts, C quads of a head

from collections.abc import Iterator, Sequence
from functools import cache

from tvm.tirx.script import builder as T

from ..extent import PerTokens
from ..shapes import AttentionShape
from .attention import gated, together
from .attention_merge import Partials, Splits
from .common import (
    MASKED,
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
    cast,
    choose,
    const,
    dot,
    f32,
    hold,
    lane,
    let,
    loop,
    splat,
    store,
    when,
)
from .heads import Heads
from .kv_cache import CacheRows, cache_rows, groups, quads

THREADS = 16  # in prefill
SPLIT_THREADS = 8  # in decode: 64 parts are 8 workgroups
MOST_HEADS = 8  # of a thread
FEWEST_ROWS = 4  # of a thread, in prefill
MOST_TURNS = 64_000  # of a thread's loops over positions; at 65,535 in all, lavapipe goes on behind each, in silence


class _Row:
    """A query, the positions it sees, and its running softmax; what it has mixed lies in row `at` of the output."""

    def __init__(self, token: Expr, head: Expr, at: Expr, seen: Expr) -> None:
        self.token, self.head, self.at, self.seen = token, head, at, seen
        self.peak, self.total = Cell(const(MASKED)), Cell(const(0.0))


class _Walked:
    """How far launches have come with each row, [chunk, Hq] vec4<f32>: (largest score, sum, positions walked, -)."""

    def __init__(self, k: KernelBuilder, chunk: int, heads: int) -> None:
        self._buffer = k.buffer("walked", (chunk, heads), "float32x4")

    def positions(self, row: _Row) -> Expr:
        """Positions walked."""
        return hold(cast(lane(self._buffer[row.at, row.head], 2), "int32"), "int32")

    def resume(self, row: _Row) -> None:
        """Goes on with the row's softmax."""
        before = let(self._buffer[row.at, row.head])
        row.peak.set(lane(before, 0))
        row.total.set(lane(before, 1))

    def leave(self, row: _Row, positions: Expr) -> None:
        """Writes how far the row has come."""
        after = [row.peak.get(), row.total.get(), f32(positions), const(0.0)]
        store(self._buffer, (row.at, row.head), T.Shuffle(after, [0, 1, 2, 3]))


def rows_of(shape: AttentionShape) -> tuple[int, int]:
    """Heads and tokens of a thread in prefill."""
    heads = together(shape, MOST_HEADS)
    return heads, max(1, FEWEST_ROWS // heads)


def block_of(rows: int) -> int:
    """Positions of a block, for so many rows."""
    return 8 if rows <= 4 else 4


def reach(shape: AttentionShape, kv_cache: str) -> int:
    """Positions that a thread can walk."""
    heads, tokens = rows_of(shape)
    turns = 2 * (quads(shape) + 2 + (2 * groups(shape) if kv_cache == "q8" else 0))
    return MOST_TURNS // turns * block_of(heads * tokens)


def splits_of(shape: AttentionShape, kv_cache: str) -> Splits:
    """How the positions are split in decode."""
    count = max(64, -(-shape.positions // reach(shape, kv_cache)))
    return Splits(min(count, -(-shape.positions // 8)), 8)


@cache
def attention_plain(shape: AttentionShape, *, chunk: int, kv_cache: str, first: bool = True) -> Kernel:
    """Prefill, up to `reach` positions of it; what is left is for launches that are not the `first`.

    Buffers: q [chunk, Hq, D], the cache (kv_cache.py), y [chunk, Hq, D]; with a gate also projected [chunk, q|k|v],
    where the gates are; where a launch does not reach all positions, walked [chunk, Hq] vec4<f32>.
    """
    s = shape
    heads, tokens_each = rows_of(s)
    grid = (PerTokens(tokens_each * THREADS), s.heads // heads)
    k = KernelBuilder(f"attention_plain_{s.name}_{kv_cache}{'' if first else '_more'}", grid, THREADS)
    q = Heads(k, "q", chunk, s.heads, s.size, "float32")
    keys, values = cache_rows(k, s, kv_cache)
    projected = Heads(k, "projected", chunk, s.projected // s.size, s.size, "float32") if s.gated else None
    y = Heads(k, "y", chunk, s.heads, s.size, "float32")
    walked = _Walked(k, chunk, s.heads) if s.positions > reach(s, kv_cache) else None
    before = None if first else walked
    position, tokens = k.scalar("position"), k.scalar("tokens")
    with k.threads() as (tile, block, thread):
        start_token = let((tile * THREADS + thread) * tokens_each)
        # Rows past the last token repeat it: they write the same again.
        own = [hold(T.min(start_token + t, tokens - 1), "int32") for t in range(tokens_each)]
        rows = [_Row(t, let(block * heads + h), t, position + t + 1) for t in own for h in range(heads)]
        start = before.positions(rows[0]) if before else 0
        end = hold(position + own[-1] + 1, "int32")
        with when(T.And(start_token < tokens, start < end)):
            stop = hold(T.min(start + reach(s, kv_cache), end), "int32")
            kv_head = let(block * heads * s.kv_heads // s.heads)
            for row in rows:
                if before:
                    before.resume(row)
            _walk(rows, q, y, (start, stop), kv_head, keys, values, fresh=first)
            for row in rows:
                if walked:
                    walked.leave(row, stop)
            with when(stop == end):
                for i, row in enumerate(rows):
                    with when(start_token + i // heads < tokens), loop(y.quads) as quad:
                        result = let(y.four(row.at, row.head, quad) / T.broadcast(row.total.get(), 4))
                        gate = None if projected is None else projected.four(row.token, 2 * row.head + 1, quad)
                        y.put(row.at, row.head, quad, result if gate is None else gated(result, gate))
    return k.finish()


@cache
def attention_plain_split(shape: AttentionShape, *, splits: Splits, kv_cache: str) -> Kernel:
    """Decode. Buffers: q [Hq, D], the cache (kv_cache.py), partials [S, Hq, 1 + C] vec4<f32>."""
    s = shape
    heads = together(s, MOST_HEADS)
    name = f"attention_plain_split_{s.name}_{splits.count}x{splits.tile}_{kv_cache}"
    k = KernelBuilder(name, (-(-splits.count // SPLIT_THREADS), s.heads // heads), SPLIT_THREADS)
    q = Heads(k, "q", 1, s.heads, s.size, "float32")
    keys, values = cache_rows(k, s, kv_cache)
    partials = Partials(k, s, splits.count)
    seen = k.scalar("position") + 1
    with k.threads() as (tile, block, thread):
        part = let(tile * SPLIT_THREADS + thread)
        start, end = splits.part(part, seen)
        with when(start < end):
            rows = [_Row(0, let(block * heads + h), part, end) for h in range(heads)]
            kv_head = let(block * heads * s.kv_heads // s.heads)
            _walk(rows, q, partials, (start, end), kv_head, keys, values, fresh=True)
            used = splits.used(seen)
            for row in rows:
                partials.leave(part, row.head, row.peak.get(), row.total.get(), used)
    return k.finish()


def _walk(
    rows: Sequence[_Row],
    q: Heads,
    mixed: Heads | Partials,
    span: tuple[Expr, Expr],
    kv_head: Expr,
    keys: CacheRows,
    values: CacheRows,
    *,
    fresh: bool,
) -> None:
    """Attends from position span[0] to before span[1]; if not `fresh`, the rows have mixed something before."""
    start, end = span
    size = block_of(len(rows))
    with loop((end - start + (size - 1)) // size) as block:
        at = [let(start + block * size + b) for b in range(size)]
        inside = [hold(T.min(each, end - 1), "int32") for each in at]
        scores = [[Cell(const(0.0)) for _ in at] for _ in rows]

        def score(quad: Expr, fours: Iterator[Expr]) -> None:
            queries = [let(q.four(row.token, row.head, quad)) for row in rows]
            for b, key in enumerate(fours):
                for query, row_scores in zip(queries, scores, strict=True):
                    row_scores[b].add(dot(query, key))

        def mix(quad: Expr, fours: Iterator[Expr]) -> None:
            sums = []
            for row, shrink in zip(rows, shrinks, strict=True):
                before = mixed.four(row.at, row.head, quad)
                if fresh:  # the output may hold anything, NaN too
                    before = choose(block > 0, before, splat(0.0), "float32x4")
                sums.append(Cell(before * T.broadcast(shrink, 4), "float32x4"))
            for b, value in enumerate(fours):
                for total, row_scores in zip(sums, scores, strict=True):
                    total.add(value * T.broadcast(row_scores[b].get(), 4))
            for row, total in zip(rows, sums, strict=True):
                mixed.put(row.at, row.head, quad, total.get())

        keys.sweep(inside, kv_head, score)
        shrinks = [_shares(row, at, row_scores, q.size) for row, row_scores in zip(rows, scores, strict=True)]
        values.sweep(inside, kv_head, mix)


def _shares(row: _Row, at: Sequence[Expr], scores: Sequence[Cell], size: int) -> Expr:
    """Turns a row's scores into its shares; gives back what its mixture so far shrinks by."""
    top = row.peak.get()
    for position, score in zip(at, scores, strict=True):
        score.set(choose(position < row.seen, score.get() * const(size**-0.5), const(MASKED)))
        top = T.max(top, score.get())
    top = hold(top)
    shrink = hold(T.exp(row.peak.get() - top))
    row.peak.set(top)
    row.total.set(row.total.get() * shrink)
    for score in scores:
        score.set(T.exp(score.get() - top))
        row.total.add(score.get())
    return shrink
