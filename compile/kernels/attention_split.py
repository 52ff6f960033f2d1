"""Attention for GPUs in decode: the positions are split among workgroups ("flash decoding"), whose parts
attention_merge.py adds up.

A workgroup takes up to 4 query heads of a key-value head over its part of the positions, in tiles of 64. For the
scores, 8 neighbouring threads share 4 positions and read neighbouring bytes of their keys; a piece of a query is loaded
once for all 4. Then a thread for 4 positions of a head adds up the 8 pieces and makes shares of them. For the values,
neighbouring threads own neighbouring columns, and groups of threads take 4 positions in turn.
"""

# Hq query heads, Hkv key-value heads, D head size, P positions, S parts, C quads of a head

from functools import cache

from tvm.tirx.script import builder as T

from ..shapes import AttentionShape
from .attention_merge import Partials, Splits
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
    lane,
    let,
    loop,
    splat,
    store,
    strided,
    unsynchronised,
    when,
)
from .heads import Heads
from .kv_cache import CacheRows, cache_rows

THREADS = 128
LANES = 8  # threads that share positions when they score
SLOTS = THREADS // LANES  # runs of 4 positions in a tile
TILE = 4 * SLOTS  # positions
MOST_HEADS = 4
WORKGROUPS = 256  # enough to keep a large GPU busy


def splits_of(shape: AttentionShape) -> Splits:
    """How the positions are split."""
    return Splits(min(max(16, WORKGROUPS // shape.kv_heads), -(-shape.positions // TILE)), TILE)


@cache
def attention_split(shape: AttentionShape, *, splits: Splits, act: str, kv_cache: str) -> Kernel:
    """Decode. Buffers: q [Hq, D], the cache (kv_cache.py), partials [S, Hq, 1 + C] vec4<f32>."""
    s = shape
    each = s.heads // s.kv_heads
    blocks = -(-each // min(MOST_HEADS, max(1, 1024 // s.size)))  # queries take 4 KiB of workgroup memory
    name = f"attention_split_{s.name}_{splits.count}x{splits.tile}_{act}_{kv_cache}"
    k = KernelBuilder(name, (splits.count, s.kv_heads * blocks), THREADS)
    q = Heads(k, "q", 1, s.heads, s.size, act)
    keys, values = cache_rows(k, s, kv_cache)
    partials = Partials(k, s, splits.count)
    seen = k.scalar("position") + 1
    with k.threads() as (part, block, thread):
        start, end = splits.part(part, seen)
        kv_head = let(block // blocks)
        count = -(-each // blocks)
        # Where heads do not divide evenly, the last one comes twice and writes the same twice.
        heads = [
            T.min(block % blocks * count + h, each - 1) if count * blocks > each else block % blocks * count + h
            for h in range(count)
        ]
        heads = [let(kv_head * each + head) for head in heads]
        work = _Workgroup(s, thread, count)
        with when(start < end):
            work.stage(q, heads)
            with loop((end - start + (TILE - 1)) // TILE) as tile:
                first = let(start + tile * TILE)
                work.score(keys, kv_head, first, end)
                work.share(first, end)
                work.mix(values, kv_head, first, end)
            work.leave(partials, part, heads, splits.used(seen))
    return k.finish()


class _Workgroup:
    """What the threads of a workgroup have in common and of their own: workgroup memory is synchronised by hand."""

    def __init__(self, shape: AttentionShape, thread: Expr, count: int) -> None:
        self._thread, self._count = thread, count
        self._scale, self._quads = shape.size**-0.5, -(-shape.size // 4)
        self._padded = -(-self._quads // LANES) * LANES
        self._columns = min(THREADS, max(LANES, 1 << (self._quads - 1).bit_length()))
        self._groups, self._own = THREADS // self._columns, -(-self._quads // self._columns)
        self._stride = count * SLOTS + 1  # one more, so that lanes meet different banks
        self._queries = unsynchronised(count * self._padded, "float32x4")
        self._pieces = unsynchronised(max(LANES * self._stride, count * self._own * THREADS), "float32x4")
        self._scores, self._tops = unsynchronised(count * SLOTS, "float32x4"), unsynchronised(count * SLOTS)
        self._shrinks = unsynchronised(count)
        self._peak, self._total = Cell(const(MASKED)), Cell(const(0.0))
        self._mixed = [[Cell(splat(0.0), "float32x4") for _ in range(self._own)] for _ in range(count)]

    def stage(self, q: Heads, heads: list[Expr]) -> None:
        """Queries into workgroup memory, scaled, and filled up with zeros."""
        for h, head in enumerate(heads):
            with strided(self._thread, self._padded, THREADS) as quad:
                four = q.four(0, head, self._inside(quad)) * T.broadcast(const(self._scale), 4)
                if self._padded > self._quads:
                    four = choose(quad < self._quads, four, splat(0.0), "float32x4")
                store(self._queries, h * self._padded + quad, four)
        barrier()

    def score(self, keys: CacheRows, kv_head: Expr, first: Expr, end: Expr) -> None:
        """The pieces of scores."""
        place, slot = let(self._thread % LANES), let(self._thread // LANES)
        at = [hold(T.min(first + slot * 4 + i, end - 1), "int32") for i in range(4)]
        sums = [[Cell(const(0.0)) for _ in at] for _ in range(self._count)]
        with loop(self._padded // LANES) as step:
            quad = let(step * LANES + place)
            fours = [let(keys.four(each, kv_head, self._inside(quad))) for each in at]
            for h, row in enumerate(sums):
                query = let(self._queries[h * self._padded + quad])
                for total, four in zip(row, fours, strict=True):
                    total.add(dot(query, four))
        for h, row in enumerate(sums):
            four = T.Shuffle([total.get() for total in row], [0, 1, 2, 3])
            store(self._pieces, place * self._stride + h * SLOTS + slot, four)
        barrier()

    def share(self, first: Expr, end: Expr) -> None:
        """Scores to shares, by a thread for each head and slot; what that shrinks, for all threads to see."""
        thread, active = self._thread, self._thread < self._count * SLOTS
        own = Cell(splat(0.0), "float32x4")
        with when(active):
            with loop(LANES) as place:
                own.add(self._pieces[place * self._stride + thread])
            at = let(first + thread % SLOTS * 4)
            masked = [choose(at + i < end, lane(own.get(), i), const(MASKED)) for i in range(4)]
            own.set(T.Shuffle(masked, [0, 1, 2, 3]))
            low, high = (T.max(lane(own.get(), i), lane(own.get(), i + 1)) for i in (0, 2))
            store(self._tops, thread, T.max(low, high))
        barrier()
        with when(active):
            top = Cell(self._peak.get())
            with loop(SLOTS) as slot:
                top.set(T.max(top.get(), self._tops[thread // SLOTS * SLOTS + slot]))
            shrink = hold(T.exp(self._peak.get() - top.get()))
            self._peak.set(top.get())
            own.set(T.exp(own.get() - T.broadcast(top.get(), 4)))
            self._total.set(self._total.get() * shrink + dot(own.get(), splat(1.0)))
            store(self._scores, thread, own.get())
            with when(thread % SLOTS == 0):
                store(self._shrinks, thread // SLOTS, shrink)
        barrier()

    def mix(self, values: CacheRows, kv_head: Expr, first: Expr, end: Expr) -> None:
        """Adds the values of a tile to the mixtures."""
        column, group = let(self._thread % self._columns), let(self._thread // self._columns)
        quads = [self._inside(let(column + i * self._columns)) for i in range(self._own)]
        for h, cells in enumerate(self._mixed):
            for cell in cells:
                cell.set(cell.get() * T.broadcast(self._shrinks[h], 4))
        with loop(SLOTS // self._groups) as step:
            slot = let(step * self._groups + group)
            at = [hold(T.min(first + slot * 4 + i, end - 1), "int32") for i in range(4)]
            fours = [[let(values.four(each, kv_head, quad)) for each in at] for quad in quads]
            for h, cells in enumerate(self._mixed):
                shares = let(self._scores[h * SLOTS + slot])
                for cell, row in zip(cells, fours, strict=True):
                    for i, four in enumerate(row):
                        cell.add(four * T.broadcast(lane(shares, i), 4))

    def leave(self, partials: Partials, part: Expr, heads: list[Expr], used: Expr) -> None:
        """Adds up what the groups have mixed, and writes it."""
        thread = self._thread
        barrier()
        for h, cells in enumerate(self._mixed):
            for i, cell in enumerate(cells):
                store(self._pieces, (h * self._own + i) * THREADS + thread, cell.get())
        with when(thread < self._count * SLOTS):
            store(self._tops, thread, self._total.get())
        barrier()
        for h, head in enumerate(heads):
            with strided(thread, self._quads, THREADS) as quad:
                mixed = Cell(splat(0.0), "float32x4")
                first = let((h * self._own + quad // self._columns) * THREADS + quad % self._columns)
                with loop(self._groups) as group:
                    mixed.add(self._pieces[first + group * self._columns])
                partials.put(part, head, quad, mixed.get())
            with when(thread == h * SLOTS):
                total = Cell(const(0.0))
                with loop(SLOTS) as slot:
                    total.add(self._tops[h * SLOTS + slot])
                partials.leave(part, head, self._peak.get(), total.get(), used)

    def _inside(self, quad: Expr) -> Expr:
        return T.min(quad, self._quads - 1) if self._quads % self._columns or self._padded > self._quads else quad
