"""Words that the sampling kernels have in common: logits as they are read, compared, weighed and sorted into bins.

A bin is a stretch of logits below the largest one. Nothing in its number, floor(highest · scale) - floor(logit ·
scale), can be contracted or reordered: every kernel of every compiler sorts a logit into the same bin.
"""

# V vocabulary, B blocks

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from enum import IntEnum, auto

from tvm.tirx.script import builder as T

from .common import Cell, Expr, KernelBuilder, Rows, cast, const, hold, lane, when

LARGEST = 1e30  # what an infinite logit counts as
BINS = 32  # the last one is for what no cut-off lies in
BLOCK_THREADS = 16
MOST_BLOCKS = 128


def blocks(vocabulary: int) -> int:
    """Blocks of neighbouring ids, one for a workgroup each: at least eight logits for each thread."""
    return max(1, min(MOST_BLOCKS, vocabulary // (8 * BLOCK_THREADS)))


def block_size(vocabulary: int) -> int:
    """Ids in each block but the last, which may be shorter: a multiple of four."""
    return -(-vocabulary // (4 * blocks(vocabulary))) * 4


class Frame(IntEnum):
    """The numbers that say what the bins are."""

    HIGHEST = 0  # the largest logit
    LOWEST = auto()  # the smallest that is not masked
    SCALE = auto()  # bins per unit of logit


class Logits:
    """All logits of a token, read four at a time."""

    def __init__(self, k: KernelBuilder, vocabulary: int) -> None:
        self._rows, self._vocabulary = Rows(k, "logits", 1, vocabulary, "float32"), vocabulary
        self.fours = -(-vocabulary // 4)

    def each(self, places: Sequence[tuple[Expr, Expr]], take: Callable[[Expr, Expr], None]) -> None:
        """Takes the logits 4·at .. 4·at+3, as far as there are any, with their ids, of every (at, whether it counts).
        Of several places all loads come first."""
        if len(places) == 1:
            ((at, counts),) = places
            with when(counts):
                self._take(at, Cell(self._rows.four(0, at), "float32x4").get(), take)
            return
        loaded = [hold(self._rows.four(0, T.min(at, self.fours - 1)), "float32x4") for at, _ in places]
        for (at, counts), four in zip(places, loaded, strict=True):
            with when(counts):
                self._take(at, four, take)

    def _take(self, at: Expr, four: Expr, take: Callable[[Expr, Expr], None]) -> None:
        for i in range(4):
            with when(at * 4 + i < self._vocabulary) if self._vocabulary % 4 else nullcontext():
                take(lane(four, i), at * 4 + i)


def u32(number: int) -> Expr:
    """A literal."""
    return const(number, "uint32")


def bits(value: Expr) -> Expr:
    """The bits of an f32."""
    return T.reinterpret("uint32", value)


def finite(logit: Expr) -> Expr:
    """The logit; infinities count as ±1e30 and NaN as -1e30. NaN shows in the bits alone: a compiler may assume that
    no number is one."""
    value = hold(logit)
    is_nan = T.bitwise_and(bits(value), u32(0x7FFFFFFF)) > u32(0x7F800000)
    return hold(T.Select(is_nan, const(-LARGEST), T.max(T.min(value, const(LARGEST)), const(-LARGEST))))


def key(value: Expr) -> Expr:
    """u32 whose order is the order of the logits; 0 and -0 are the same."""
    sign = T.reinterpret("uint32", T.shift_right(T.reinterpret("int32", value), const(31, "int32")))
    ordered = T.bitwise_xor(bits(value), T.bitwise_or(sign, u32(0x80000000)))
    return hold(T.Select(bits(value) == u32(0x80000000), u32(0x80000000), ordered), "uint32")


def value_of(a_key: Expr) -> Expr:
    """The logit that has this key."""
    positive = T.bitwise_and(a_key, u32(0x80000000)) != u32(0)
    return T.reinterpret("float32", T.Select(positive, T.bitwise_xor(a_key, u32(0x80000000)), T.bitwise_not(a_key)))


def weight(value: Expr, highest: Expr, per_temperature: Expr) -> Expr:
    """The token's probability over the likeliest one's."""
    return T.exp((value - highest) * per_temperature)


def bin_of(value: Expr, highest: Expr, scale: Expr) -> Expr:
    """0 .. BINS-1, by the distance below the largest logit."""
    distance = T.floor(highest * scale) - T.floor(value * scale)
    return cast(T.min(distance, const(float(BINS - 1))), "int32")
