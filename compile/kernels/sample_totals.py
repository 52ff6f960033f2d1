"""What the bins of all blocks (sample_spread.py) come to, and the list of the tokens in some of them."""

# V vocabulary, B blocks

from collections.abc import Callable
from enum import IntEnum, auto
from functools import cache

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
    loop_by,
    shared,
    store,
    strided,
    when,
)
from .sample_words import BINS, BLOCK_THREADS, Frame, bin_of, block_size, blocks, finite, key, u32

NO_BIN = BINS


class Bounds(IntEnum):
    """The words that `choose_bins` leaves for the kernels after it; weights are f32 as bits."""

    FIRST = 0  # the bins above this one are kept whole,
    LAST = auto()  # those from it to here are listed,
    BESIDE = auto()  # and this one, where top-k's cut-off lies when top-p's lies higher
    LEAST_KEY = auto()  # min-p's cut-off
    K_NEED = auto()  # f32: how many of the listed tokens top-k takes
    K_LOW = auto()  # a key below top-k's bin
    K_BITS = auto()  # in how many bits the keys of this bin differ from that; 0 where top-k changes nothing
    P_LOW = auto()  # the same for the bins of top-p
    P_BITS = auto()
    OUTSIDE = auto()  # weight of what top-k leaves, without the listed tokens
    ABOVE = auto()  # weight of the bins above the first
    TOTAL = auto()  # weight of all tokens


def is_listed(number: Expr, first: Expr, last: Expr, beside: Expr) -> Expr:
    """Whether the tokens of a bin are listed."""
    return T.Or(T.And(number >= first, number <= last), number == beside)


class Totals:
    """The tokens of each bin and their weight, over all blocks."""

    def __init__(self, k: KernelBuilder, count: int, together: int) -> None:
        self._blocks, self._together = count, together
        self._counts = k.buffer("counts", (count * BINS,), "uint32")
        self._weights = k.buffer("weights", (count * BINS,), "float32")

    def add_blocks(self, thread: Expr) -> None:
        """Fills `counts` and `weights`, a number for each bin."""
        self.counts, self.weights = shared(BINS), shared(BINS)
        tokens, mass = Cell(const(0.0)), Cell(const(0.0))
        with loop_by(self._together, self._blocks) as turns:
            places = [let(i * BINS + thread) for i in turns]
            for count, weight in [(hold(self._counts[at], "uint32"), hold(self._weights[at])) for at in places]:
                tokens.add(cast(count, "float32"))
                mass.add(weight)
        store(self.counts, thread, tokens.get())
        store(self.weights, thread, mass.get())
        barrier()

    def each_block(
        self, thread: Expr, listed: Callable[[Expr], Expr], first: Expr, offsets: Buffer, kept: Buffer
    ) -> None:
        """Fills the buffer `offsets` with where each block's tokens begin in the list and, behind the last, where it
        ends; and `kept` with the weight of each block's bins above the first."""
        tokens = shared(self._blocks, "uint32")
        with strided(thread, self._blocks, BINS) as block:
            own, above = Cell(u32(0), "uint32"), Cell(const(0.0))
            with loop_by(self._together, BINS) as turns:
                places = [let(block * BINS + i) for i in turns]
                loaded = [(hold(self._counts[at], "uint32"), hold(self._weights[at])) for at in places]
                for i, (count, weight) in zip(turns, loaded, strict=True):
                    own.add(T.Select(listed(i), count, u32(0)))
                    above.add(T.Select(i < first, weight, const(0.0)))
            store(tokens, block, own.get())
            store(kept, block, above.get())
        barrier()
        with strided(thread, self._blocks + 1, BINS) as block:
            before = Cell(u32(0), "uint32")
            with loop(block) as i:
                before.add(tokens[i])
            store(offsets, block, before.get())


def bin_where(values: Buffer, enough: Expr) -> Expr:
    """The first bin at whose end the running sum reaches `enough`; NO_BIN where none does."""
    found, running, enough = Cell(const(NO_BIN, "int32"), "int32"), Cell(const(0.0)), hold(enough)
    with loop(BINS) as i:
        running.add(values[i])
        with when(T.And(found.get() == NO_BIN, running.get() >= enough)):
            found.set(i)
    return found.get()


def sum_where(values: Buffer, wanted: Callable[[Expr], Expr]) -> Expr:
    """The sum over some bins."""
    total = Cell(const(0.0))
    with loop(BINS) as i, when(wanted(i)):
        total.add(values[i])
    return total.get()


@cache
def list_bins(vocabulary: int, *, together: int) -> Kernel:
    """Buffers: logits [V], frame [3], bounds [12], offsets [B + 1], listed_ids [V] u32, listed_keys [V] u32."""
    count, size = blocks(vocabulary), block_size(vocabulary)
    k = KernelBuilder(f"list_bins_{vocabulary}", (count, 1), BLOCK_THREADS)
    logits = k.buffer("logits", (vocabulary,), "float32")
    frame = k.buffer("frame", (len(Frame),), "float32")
    bounds = k.buffer("bounds", (len(Bounds),), "uint32")
    offsets = k.buffer("offsets", (count + 1,), "uint32")
    listed_ids = k.buffer("listed_ids", (vocabulary,), "uint32")
    listed_keys = k.buffer("listed_keys", (vocabulary,), "uint32")
    with k.threads() as (block, _, thread):
        highest, scale = hold(frame[int(Frame.HIGHEST)]), hold(frame[int(Frame.SCALE)])
        first, last, beside = (
            hold(cast(bounds[int(word)], "int32"), "int32") for word in (Bounds.FIRST, Bounds.LAST, Bounds.BESIDE)
        )
        # Most blocks have nothing to list, and read nothing.
        end = hold(T.Select(offsets[block] == offsets[block + 1], 0, T.min(size, vocabulary - block * size)), "int32")

        def each(found: Callable[[Expr, Expr], None]) -> None:
            turn = together * BLOCK_THREADS
            with loop((end - thread + (turn - 1)) // turn) as i:
                within = [let((i * together + j) * BLOCK_THREADS + thread) for j in range(together)]
                values = [finite(logits[block * size + T.min(at, end - 1)]) for at in within]
                for at, value in zip(within, values, strict=True):
                    is_in = is_listed(hold(bin_of(value, highest, scale), "int32"), first, last, beside)
                    with when(T.And(at < end, is_in)):
                        found(block * size + at, value)

        own = Cell(u32(0), "uint32")
        each(lambda *_: own.add(u32(1)))
        tokens = shared(BLOCK_THREADS, "uint32")
        store(tokens, thread, own.get())
        barrier()
        to = Cell(offsets[block], "uint32")
        with loop(thread) as i:
            to.add(tokens[i])

        def put(at: Expr, value: Expr) -> None:
            store(listed_ids, to.get(), cast(at, "uint32"))
            store(listed_keys, to.get(), key(value))
            to.add(u32(1))

        each(put)
    return k.finish()


def each_listed(thread: Expr, stop: Expr, threads: int, take: Callable[[Expr], None], *, together: int) -> None:
    """Takes every place of the list, in turns of all threads. In a turn a thread takes several together: their loads
    overlap, and lavapipe ends all loops of a thread after 65,535 turns, while a list may hold the whole vocabulary."""
    end, turn = hold(cast(stop, "int32"), "int32"), together * threads
    with loop((end - thread + (turn - 1)) // turn) as i:
        for j in range(together):
            at = let(thread + (i * together + j) * threads)
            with when(at < end):
                take(at)
