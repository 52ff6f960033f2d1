"""The bins in which the cut-offs of top-k, top-p and min-p lie.

All three keep the tokens from some logit up, so that the highest of the three cut-offs decides. From the totals of the
bins, `choose_bins` finds the few in which a cut-off may lie: top-p takes its share of what top-k leaves, so until
top-k's bin is resolved, top-p's cut-off may lie in one of several. The draw (sample_draw.py) looks for the cut-offs
among the tokens of these bins alone, which are a few dozen as a rule.
"""

# V vocabulary, B blocks

from collections.abc import Callable
from functools import cache

from tvm.tirx.script import builder as T

from .common import Cell, Expr, Kernel, KernelBuilder, cast, const, hold, store, when
from .sample_totals import NO_BIN, Bounds, Totals, bin_where, is_listed, sum_where
from .sample_words import BINS, Frame, bin_of, bits, blocks, key, u32

DEEPEST = BINS - 2  # among the tokens of the last bin no cut-off lies, or they weigh nothing


class _Chosen:
    """The bins, while they are chosen; NO_BIN where there is none."""

    def __init__(self, totals: Totals) -> None:
        self._totals = totals
        self.first, self.last, self.beside, self.k_bin = (Cell(const(NO_BIN, "int32"), "int32") for _ in range(4))
        self.p_on = Cell(const(0, "int32"), "int32")

    def by_top_k(self, top_k: Expr, vocabulary: int) -> None:
        with when(T.And(top_k > 0, top_k < vocabulary)):
            found = bin_where(self._totals.counts, cast(top_k, "float32"))
            with when(found <= DEEPEST):
                for cell in (self.k_bin, self.first, self.last):
                    cell.set(found)

    def by_top_p(self, top_p: Expr) -> None:
        weights, k_bin = self._totals.weights, self.k_bin.get()
        with when(top_p < const(1.0)):
            self.p_on.set(const(1, "int32"))
            # What top-k leaves: without all of its bin, and with all of it. Without top-k these are the same.
            least, most = sum_where(weights, lambda i: i < k_bin), sum_where(weights, lambda i: i <= k_bin)
            self.last.set(T.min(bin_where(weights, top_p * most), T.min(k_bin, DEEPEST)))
            self.first.set(T.min(bin_where(weights, top_p * least), self.last.get()))
            with when(k_bin > self.last.get()):
                self.beside.set(k_bin)

    def by_min_p(self, min_p: Expr, least_bin: Expr) -> None:
        """Where this cuts higher, whatever top-k and top-p would keep, they are off."""
        with when(T.And(min_p > const(0.0), least_bin < T.min(self.first.get(), DEEPEST + 1))):
            self.first.set(least_bin)
            self.last.set(least_bin)
            self.beside.set(const(NO_BIN, "int32"))
            self.k_bin.set(const(NO_BIN, "int32"))
            self.p_on.set(const(0, "int32"))

    def listed(self, i: Expr) -> Expr:
        return is_listed(i, self.first.get(), self.last.get(), self.beside.get())

    def words(self, top_k: Expr, keys: Callable[[Expr, Expr], tuple[Expr, Expr]]) -> dict[Bounds, Expr]:
        """What the kernels after this one read; `keys` gives the range of keys of bins."""
        counts, weights, nothing = self._totals.counts, self._totals.weights, u32(0)
        first, last, k_bin = self.first.get(), self.last.get(), self.k_bin.get()
        k_on, p_on = k_bin < NO_BIN, self.p_on.get() == 1
        unlisted = sum_where(counts, lambda i: T.And(i < k_bin, T.Not(self.listed(i))))
        (k_low, k_bits), (p_low, p_bits) = keys(k_bin, k_bin), keys(first, last)
        return {
            Bounds.FIRST: cast(first, "uint32"),
            Bounds.LAST: cast(last, "uint32"),
            Bounds.BESIDE: cast(self.beside.get(), "uint32"),
            Bounds.K_NEED: bits(hold(cast(top_k, "float32") - unlisted)),
            Bounds.K_LOW: T.Select(k_on, k_low, nothing),
            Bounds.K_BITS: T.Select(k_on, k_bits, nothing),
            Bounds.P_LOW: T.Select(p_on, p_low, nothing),
            Bounds.P_BITS: T.Select(p_on, p_bits, nothing),
            Bounds.OUTSIDE: bits(sum_where(weights, lambda i: T.And(i <= k_bin, T.Not(self.listed(i))))),
            Bounds.ABOVE: bits(sum_where(weights, lambda i: i < first)),
        }


@cache
def choose_bins(vocabulary: int, *, together: int) -> Kernel:
    """Buffers: counts [B, 32] u32, weights [B, 32] f32, frame [3] f32, bounds [12] u32, offsets [B + 1] u32 where
    each block's tokens begin in the list, kept [B] f32 the weight of each block's bins above the first."""
    k = KernelBuilder(f"choose_bins_{vocabulary}", (1, 1), BINS)
    totals = Totals(k, blocks(vocabulary), together)
    frame = k.buffer("frame", (len(Frame),), "float32")
    bounds = k.buffer("bounds", (len(Bounds),), "uint32")
    offsets = k.buffer("offsets", (blocks(vocabulary) + 1,), "uint32")
    kept = k.buffer("kept", (blocks(vocabulary),), "float32")
    temperature, min_p = k.scalar("temperature"), k.scalar("min_p")
    top_k, top_p = k.scalar("top_k"), k.scalar("top_p")
    with k.threads() as (_, _, thread):
        totals.add_blocks(thread)
        highest, lowest, scale = (hold(frame[int(which)]) for which in Frame)
        least = hold(highest + temperature * T.log(T.max(min_p, const(1e-30))))
        chosen = _Chosen(totals)
        chosen.by_top_k(top_k, vocabulary)
        chosen.by_top_p(top_p)
        chosen.by_min_p(min_p, hold(bin_of(least, highest, scale), "int32"))
        totals.each_block(thread, chosen.listed, chosen.first.get(), offsets, kept)
        with when(thread == 0):
            words = chosen.words(top_k, lambda first, last: _keys(first, last, highest, lowest, scale))
            for word, value in words.items():
                store(bounds, int(word), value)
            store(bounds, int(Bounds.LEAST_KEY), T.Select(min_p > const(0.0), key(least), u32(0)))
    return k.finish()


def _keys(first: Expr, last: Expr, highest: Expr, lowest: Expr, scale: Expr) -> tuple[Expr, Expr]:
    """A key that is not above those of the bins first..last, and in how many bits theirs differ from it."""
    # A bin begins and ends within one bin's width of where its number says.
    low = key(hold(T.max(highest - cast(last + 2, "float32") / scale, lowest)))
    high = key(hold(T.min(highest - cast(first - 2, "float32") / scale, highest)))
    return low, hold(u32(32) - T.call_pure_extern("uint32", "countLeadingZeros", high - low), "uint32")
