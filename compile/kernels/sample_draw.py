"""A token drawn with its probability: temperature, then top-k, top-p and min-p, as in transformers.

Five launches, whatever is asked for: the range of the logits, their spread over bins, the bins with the cut-offs, the
tokens in these (sample_spread.py, sample_cutoffs.py, sample_totals.py), and `draw`. That is one workgroup. It finds the
cut-offs among the listed tokens (sample_search.py), then picks a block by the blocks' weights, and walks that block
alone, in the order of the ids.

Ties at a cut-off all stay, for top-k as in transformers; for top-p too, where transformers keeps those that its sort
happened to put first. A workgroup walks many tokens only where many distinct logits lie within one bin.

Versions tried, for 248,320 logits, temperature 0.7, top-k 20 and top-p 0.8: one workgroup that walks the vocabulary for
each bit of each key, 36 ms on lavapipe and 169 on SwiftShader; these five launches, 2.2 and 13. A search bit by bit for
short lists too made `draw` itself 0.35 ms on lavapipe instead of 0.08.
"""

# V vocabulary, B blocks

from collections.abc import Callable
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
    hold,
    let,
    loop,
    shared,
    store,
    strided,
    sum_over,
    when,
)
from .sample_random import random_unit
from .sample_search import MOST_FEW, THREADS, Few, Many, Search
from .sample_totals import Bounds
from .sample_words import Frame, block_size, blocks, finite, key, u32, value_of, weight

F64 = NDArray[np.float64]


def reference(logits: F64, temperature: float, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0) -> F64:
    """The definition: the probability of each token."""
    weights = np.exp((logits - logits.max()) / temperature)
    kept = np.ones(len(logits), bool)
    if 0 < top_k < len(logits):
        kept &= logits >= np.sort(logits)[-top_k]
    if top_p < 1:
        order = np.argsort(-logits, kind="stable")[: int(kept.sum())]
        enough = int(np.searchsorted(np.cumsum(weights[order]), top_p * weights[order].sum())) + 1
        kept &= logits >= logits[order[min(enough, len(order)) - 1]]
    weights[~kept | (weights < min_p)] = 0
    return np.asarray(weights / weights.sum())


class _Draw:
    """The draw's buffers and scalars, and what its parts share."""

    def __init__(self, k: KernelBuilder, vocabulary: int, chunk: int) -> None:
        self.vocabulary, self.blocks, self.size = vocabulary, blocks(vocabulary), block_size(vocabulary)
        self.logits = k.buffer("logits", (vocabulary,), "float32")
        self.frame = k.buffer("frame", (len(Frame),), "float32")
        self.bounds = k.buffer("bounds", (len(Bounds),), "uint32")
        self.offsets = k.buffer("offsets", (self.blocks + 1,), "uint32")
        self.kept = k.buffer("kept", (self.blocks,), "float32")
        self.listed_keys = k.buffer("listed_keys", (vocabulary,), "uint32")
        self.tokens = k.buffer("tokens", (chunk,), "uint32")
        self.temperature, self.top_p, self.seed = k.scalar("temperature"), k.scalar("top_p"), k.scalar("seed")
        self.position = k.scalar("position") + k.scalar("tokens")

    def begin(self, thread: Expr) -> None:
        """Reads what every part needs."""
        self.thread = thread
        self._highest = hold(self.frame[int(Frame.HIGHEST)])
        self._per_temperature = hold(const(1.0) / self.temperature)

    def word(self, which: Bounds) -> Expr:
        return hold(self.bounds[int(which)], "uint32")

    def number(self, which: Bounds) -> Expr:
        return hold(T.reinterpret("float32", self.bounds[int(which)]))

    def weigh(self, value: Expr) -> Expr:
        return weight(value, self._highest, self._per_temperature)


@cache
def draw(vocabulary: int, *, chunk: int, draws: int = 1) -> Kernel:
    """Buffers: logits [V], frame [3], bounds [12], offsets [B + 1], kept [B], listed_keys [V], tokens [chunk] u32 of
    which the first is written. More than one draw, for tests: workgroup i draws tokens[i], i positions further on."""
    k = KernelBuilder(f"draw_{vocabulary}" if draws == 1 else f"draw_{vocabulary}_{draws}", (draws, 1), THREADS)
    d = _Draw(k, vocabulary, chunk)
    with k.threads() as (nth, _, thread):
        d.begin(thread)
        stop = hold(d.offsets[d.blocks], "uint32")
        cutoff = Cell(u32(0), "uint32")
        with when(stop <= u32(MOST_FEW)):
            cutoff.set(_cutoff(d, Few(d.listed_keys, stop, thread, d.weigh)))
        with when(stop > u32(MOST_FEW)):
            cutoff.set(_cutoff(d, Many(d.listed_keys, stop, thread, d.weigh)))
        unit = random_unit(d.seed, d.position + nth)
        block, target = _pick_block(d, cutoff.get(), unit)
        _walk(d, block, target, cutoff.get(), nth)
    return k.finish()


def _cutoff(d: _Draw, listed: Search) -> Expr:
    """The key from which up tokens are kept."""
    by_k = listed.search(d.word(Bounds.K_LOW), d.word(Bounds.K_BITS), enough=d.number(Bounds.K_NEED), weighted=False)
    # Never nothing, or a tail of no token would be enough.
    share = d.top_p * (d.number(Bounds.OUTSIDE) + listed.tail(by_k)) - d.number(Bounds.ABOVE)
    enough = hold(T.max(share, const(1e-30)))
    by_p = listed.search(d.word(Bounds.P_LOW), d.word(Bounds.P_BITS), enough=enough, weighted=True)
    return T.max(T.max(by_k, by_p), d.word(Bounds.LEAST_KEY))


def _pick_block(d: _Draw, cutoff: Expr, unit: Expr) -> tuple[Expr, Expr]:
    """The block that holds the share `unit` of the kept weight, and the weight to pass inside of it."""
    weights = shared(d.blocks)
    with strided(d.thread, d.blocks, THREADS) as i:
        own = Cell(d.kept[i])
        with loop(cast(d.offsets[i + 1], "int32"), cast(d.offsets[i], "int32")) as at:
            found = hold(d.listed_keys[at], "uint32")
            with when(found >= cutoff):
                own.add(d.weigh(value_of(found)))
        store(weights, i, own.get())
    barrier()
    target = hold(unit * sum_over(weights, d.blocks))
    return _last_that_begins(weights, d.blocks, target)


def _last_that_begins(weights: Buffer, count: int, target: Expr) -> tuple[Expr, Expr]:
    """The last of some stretches, laid end to end, that has a length and begins at or before the target; and how far
    behind its beginning the target lies. Rounding may put that behind its end: the stretch is the right one still."""
    found, passed, running = Cell(const(0, "int32"), "int32"), Cell(const(0.0)), Cell(const(0.0))
    with loop(count) as i:
        length = hold(weights[i])
        with when(T.And(length > const(0.0), running.get() <= target)):
            found.set(i)
            passed.set(running.get())
        running.add(length)
    return found.get(), hold(target - passed.get())


def _walk(d: _Draw, block: Expr, target: Expr, cutoff: Expr, nth: Expr) -> None:
    """Writes the last kept token of the block that begins at or before the target."""
    share = -(-d.size // THREADS)  # tokens next to each other that a thread walks
    start = let(block * d.size + d.thread * share)
    stop = let(T.min(T.min(start + share, (block + 1) * d.size), d.vocabulary))

    def each_kept(take: Callable[[Expr, Expr], None]) -> None:
        with loop(stop - start) as i:
            value = finite(d.logits[start + i])
            with when(key(value) >= cutoff):
                take(start + i, hold(d.weigh(value)))

    mine = Cell(const(0.0))
    each_kept(lambda _, length: mine.add(length))
    weights = shared(THREADS)
    store(weights, d.thread, mine.get())
    barrier()
    owner, ahead = _last_that_begins(weights, THREADS, target)
    with when(d.thread == owner):
        passed, chosen = Cell(const(0.0)), Cell(const(0, "int32"), "int32")

        def take(at: Expr, length: Expr) -> None:
            with when(T.And(length > const(0.0), passed.get() <= ahead)):
                chosen.set(at)
            passed.add(length)

        each_kept(take)
        store(d.tokens, nth, cast(chosen.get(), "uint32"))
