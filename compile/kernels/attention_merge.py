"""The end of attention in decode: the parts that share the positions are added up, and the gate applied.

Each part leaves its largest score, its sum of e^(score - largest), how many parts have work, and its mixture of values;
the parts without work have left nothing. A thread takes four values of a head.

How many parts to add up is read from the first one, though it follows from the position: lavapipe compiles a kernel
anew for every value of a uniform that alone ends a loop, 5 ms for each token of a layer.
"""

# Hq query heads, D head size, S parts, C quads of a head

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from ..shapes import AttentionShape
from .attention import gated
from .common import MASKED, Cell, Expr, Kernel, KernelBuilder, cast, const, hold, lane, let, loop, splat, store, when
from .heads import Heads
from .kv_cache import quads

F64 = NDArray[np.float64]

THREADS = 64


@dataclass(frozen=True, slots=True)
class Splits:
    """Into how many parts the positions fall at most, and what the length of a part is a multiple of."""

    count: int
    tile: int

    def numbers(self, shape: AttentionShape) -> int:
        """The size of `partials`."""
        return self.count * shape.heads * (1 + quads(shape)) * 4

    def part(self, number: Expr, seen: Expr) -> tuple[Expr, Expr]:
        """The first position of a part and the one behind its last, when `seen` are there."""
        length = self._length(seen)
        start = let(number * length)
        return start, hold(T.min(start + length, seen), "int32")

    def used(self, seen: Expr) -> Expr:
        """How many parts are not empty."""
        length = self._length(seen)
        return hold((seen + (length - 1)) // length, "int32")

    def _length(self, seen: Expr) -> Expr:
        all_tiles = self.count * self.tile
        return hold((seen + (all_tiles - 1)) // all_tiles * self.tile, "int32")


class Partials:
    """What the parts leave, [S, Hq, 1 + C] vec4<f32>: (largest score, sum, parts with work, -), then the mixture."""

    def __init__(self, k: KernelBuilder, shape: AttentionShape, splits: Splits) -> None:
        self._buffer = k.buffer("partials", (splits.count, shape.heads, 1 + quads(shape)), "float32x4")

    def four(self, part: Expr, head: Expr, quad: Expr) -> Expr:
        """Four values of a mixture."""
        return self._buffer[part, head, quad + 1]

    def put(self, part: Expr, head: Expr, quad: Expr, value: Expr) -> None:
        """Writes four values of a mixture."""
        store(self._buffer, (part, head, quad + 1), value)

    def sums(self, part: Expr, head: Expr) -> tuple[Expr, Expr]:
        """The largest score, and the sum."""
        four = let(self._buffer[part, head, 0])
        return lane(four, 0), lane(four, 1)

    def used(self, head: Expr) -> Expr:
        """How many parts have work; the first one always has."""
        return hold(cast(lane(self._buffer[0, head, 0], 2), "int32"), "int32")

    def leave(self, part: Expr, head: Expr, peak: Expr, total: Expr, used: Expr) -> None:
        """Writes what comes before the mixture."""
        four = [peak, total, cast(used, "float32"), const(0.0)]
        store(self._buffer, (part, head, 0), T.Shuffle(four, [0, 1, 2, 3]))


def reference(peaks: F64, totals: F64, mixed: F64, gate: F64 | None) -> F64:
    """The definition: peaks and totals [S, Hq], mixed [S, Hq, D], gate [Hq, D]; y [Hq, D]."""
    weights = np.exp(peaks - peaks.max(axis=0))[..., None]
    y = (weights * mixed).sum(axis=0) / (weights * totals[..., None]).sum(axis=0)
    return np.asarray(y if gate is None else y / (1 + np.exp(-gate)))


@cache
def attention_merge(shape: AttentionShape, *, splits: Splits, act: str) -> Kernel:
    """Buffers: partials [S, Hq, 1 + C] vec4<f32>, y [Hq, D]; with a gate also projected [q|k|v], where it is."""
    s = shape
    name = f"attention_merge_{s.name}_{splits.count}x{splits.tile}_{act}"
    k = KernelBuilder(name, (s.heads, -(-quads(s) // THREADS)), THREADS)
    partials = Partials(k, s, splits)
    projected = Heads(k, "projected", 1, s.projected // s.size, s.size, act) if s.gated else None
    y = Heads(k, "y", 1, s.heads, s.size, act)
    with k.threads() as (head, block, thread):
        quad = let(block * THREADS + thread)
        with when(quad < y.quads):
            used = partials.used(head)
            peak, total, mixed = Cell(const(MASKED)), Cell(const(0.0)), Cell(splat(0.0), "float32x4")
            with loop(used) as part:
                peak.set(T.max(peak.get(), partials.sums(part, head)[0]))
            with loop(used) as part:
                own_peak, own_total = partials.sums(part, head)
                weight = hold(T.exp(own_peak - peak.get()))
                total.add(weight * own_total)
                mixed.add(T.broadcast(weight, 4) * partials.four(part, head, quad))
            result = let(mixed.get() / T.broadcast(total.get(), 4))
            gate = None if projected is None else projected.four(0, 2 * head + 1, quad)
            y.put(0, head, quad, result if gate is None else gated(result, gate))
    return k.finish()
