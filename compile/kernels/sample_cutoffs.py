"""The bins in which the cut-offs of top-k, top-p and min-p lie.

All three keep the tokens from some logit up, so that the highest of the three cut-offs decides. From the totals of the
bins, `choose_bins` finds the few in which a cut-off may lie: top-p takes its share of what top-k leaves, so until
top-k's bin is resolved, top-p's cut-off may lie in one of several. The draw (sample_draw.py) looks for the cut-offs
among the tokens of these bins alone, which are a few dozen as a rule.
"""

# V vocabulary, B blocks

from functools import cache

from tvm.tirx.script import builder as T

from .common import Cell, Expr, Kernel, KernelBuilder, cast, const, hold, store, when
from .sample_totals import NO_BIN, Bounds, Totals, bin_where, is_listed, sum_where
from .sample_words import BINS, Frame, bin_of, bits, blocks, key, u32

DEEPEST = BINS - 2  # among the tokens of the last bin no cut-off lies, or they weigh nothing


@cache
def choose_bins(vocabulary: int) -> Kernel:
    """Buffers: counts [B, 32] u32, weights [B, 32] f32, frame [3] f32, bounds [12] u32, offsets [B + 1] u32 where
    each block's tokens begin in the list, kept [B] f32 the weight of each block's bins above the first."""
    k = KernelBuilder(f"choose_bins_{vocabulary}", (1, 1), BINS)
    totals = Totals(k, blocks(vocabulary))
    frame = k.buffer("frame", (len(Frame),), "float32")
    bounds = k.buffer("bounds", (len(Bounds),), "uint32")
    offsets = k.buffer("offsets", (blocks(vocabulary) + 1,), "uint32")
    kept = k.buffer("kept", (blocks(vocabulary),), "float32")
    temperature, min_p = k.scalar("temperature"), k.scalar("min_p")
    top_k, top_p = k.scalar("top_k"), k.scalar("top_p")
    with k.threads() as (_, _, thread):
        totals.add_blocks(thread)
        highest, lowest, scale = (hold(frame[int(which)]) for which in Frame)
        first, last, beside, k_bin = (Cell(const(NO_BIN, "int32"), "int32") for _ in range(4))  # k_bin: off
        with when(T.And(top_k > 0, top_k < vocabulary)):
            k_bin.set(bin_where(totals.counts, cast(top_k, "float32")))
            with when(k_bin.get() > DEEPEST):
                k_bin.set(const(NO_BIN, "int32"))
        first.set(k_bin.get())
        last.set(k_bin.get())
        with when(top_p < const(1.0)):
            least = sum_where(totals.weights, lambda i: i < k_bin.get())
            most = sum_where(totals.weights, lambda i: i <= k_bin.get())
            deepest = hold(T.min(k_bin.get(), DEEPEST), "int32")
            last.set(T.min(bin_where(totals.weights, top_p * most), deepest))
            # without top-k both sums are the same
            first.set(T.min(bin_where(totals.weights, top_p * least), last.get()))
            with when(k_bin.get() > last.get()):
                beside.set(k_bin.get())
        p_on = Cell(cast(top_p < const(1.0), "int32"), "int32")
        least_logit = hold(highest + temperature * T.log(T.max(min_p, const(1e-30))))
        least_bin = hold(bin_of(least_logit, highest, scale), "int32")
        with when(T.And(min_p > const(0.0), least_bin < T.min(first.get(), DEEPEST + 1))):
            # Whatever top-k and top-p would keep, this cuts higher.
            first.set(least_bin)
            last.set(least_bin)
            for cell, value in ((beside, NO_BIN), (k_bin, NO_BIN), (p_on, 0)):
                cell.set(const(value, "int32"))

        def listed(i: Expr) -> Expr:
            return is_listed(i, first.get(), last.get(), beside.get())

        totals.each_block(thread, listed, first.get(), offsets, kept)
        with when(thread == 0):
            unlisted = sum_where(totals.counts, lambda i: T.And(i < k_bin.get(), T.Not(listed(i))))
            outside = sum_where(totals.weights, lambda i: T.And(i <= k_bin.get(), T.Not(listed(i))))
            above = sum_where(totals.weights, lambda i: i < first.get())
            k_low, k_bits = _keys(k_bin.get(), k_bin.get(), highest, lowest, scale)
            p_low, p_bits = _keys(first.get(), last.get(), highest, lowest, scale)
            nothing = u32(0)
            words = {
                Bounds.FIRST: cast(first.get(), "uint32"),
                Bounds.LAST: cast(last.get(), "uint32"),
                Bounds.BESIDE: cast(beside.get(), "uint32"),
                Bounds.LEAST_KEY: T.Select(min_p > const(0.0), key(least_logit), nothing),
                Bounds.K_NEED: bits(hold(cast(top_k, "float32") - unlisted)),
                Bounds.K_LOW: T.Select(k_bin.get() < NO_BIN, k_low, nothing),
                Bounds.K_BITS: T.Select(k_bin.get() < NO_BIN, k_bits, nothing),
                Bounds.P_LOW: T.Select(p_on.get() == 1, p_low, nothing),
                Bounds.P_BITS: T.Select(p_on.get() == 1, p_bits, nothing),
                Bounds.OUTSIDE: bits(outside),
                Bounds.ABOVE: bits(above),
            }
            for word, value in words.items():
                store(bounds, int(word), value)
    return k.finish()


def _keys(first: Expr, last: Expr, highest: Expr, lowest: Expr, scale: Expr) -> tuple[Expr, Expr]:
    """A key that is not above those of the bins first..last, and in how many bits theirs differ from it."""
    # A bin begins and ends within one bin's width of where its number says.
    low = key(hold(T.max(highest - cast(last + 2, "float32") / scale, lowest)))
    high = key(hold(T.min(highest - cast(first - 2, "float32") / scale, highest)))
    return low, hold(u32(32) - T.call_pure_extern("uint32", "countLeadingZeros", high - low), "uint32")
