"""The end of attention: the parts that share the positions are added up, and the gate applied.

Each part leaves its largest score, its sum of e^(score - largest), how many parts have work, and its mixture of values;
the parts without work have left nothing. A thread takes four values of a head. In prefill each token has its parts.

How many parts to add up is read from the first one, though it follows from the position: lavapipe compiles a kernel
anew for every value of a uniform that alone ends a loop, 5 ms for each token of a layer.
"""

# Hq query heads, D head size, S parts, C quads of a head

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from ..extent import PerTokens
from ..shapes import AttentionShape
from ..tuning import Tuning
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
        """The size of `partials` in decode."""
        return self.count * numbers(shape)

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
    """What the parts leave, [S·T, Hq, 1 + C] vec4<f32>: (largest score, sum, parts with work, -), then the mixture. The
    row of a token's part is part · T + token."""

    def __init__(self, k: KernelBuilder, shape: AttentionShape, rows: int) -> None:
        self._buffer = k.buffer("partials", (rows, shape.heads, 1 + quads(shape)), "float32x4")

    def four(self, row: Expr, head: Expr, quad: Expr) -> Expr:
        """Four values of a mixture."""
        return self._buffer[row, head, quad + 1]

    def put(self, row: Expr, head: Expr, quad: Expr, value: Expr) -> None:
        """Writes four values of a mixture."""
        store(self._buffer, (row, head, quad + 1), value)

    def sums(self, row: Expr, head: Expr) -> tuple[Expr, Expr]:
        """The largest score, and the sum."""
        four = let(self._buffer[row, head, 0])
        return lane(four, 0), lane(four, 1)

    def used(self, token: Expr, head: Expr) -> Expr:
        """How many parts have work; the first one always has."""
        return hold(cast(lane(self._buffer[token, head, 0], 2), "int32"), "int32")

    def leave(self, row: Expr, head: Expr, peak: Expr, total: Expr, used: Expr) -> None:
        """Writes what comes before the mixture."""
        four = [peak, total, cast(used, "float32"), const(0.0)]
        store(self._buffer, (row, head, 0), T.Shuffle(four, [0, 1, 2, 3]))


def numbers(shape: AttentionShape) -> int:
    """The size of a row of `partials`."""
    return shape.heads * (1 + quads(shape)) * 4


def reference(peaks: F64, totals: F64, mixed: F64, gate: F64 | None) -> F64:
    """The definition: peaks and totals [S, Hq], mixed [S, Hq, D], gate [Hq, D]; y [Hq, D]."""
    weights = np.exp(peaks - peaks.max(axis=0))[..., None]
    y = (weights * mixed).sum(axis=0) / (weights * totals[..., None]).sum(axis=0)
    return np.asarray(y if gate is None else y / (1 + np.exp(-gate)))


@cache
def attention_merge(shape: AttentionShape, *, rows: int, tuning: Tuning, act: str, chunk: int = 1) -> Kernel:
    """Buffers: partials [`rows`, Hq, 1 + C] vec4<f32>, y [chunk, Hq, D]; with a gate also projected [chunk, q|k|v],
    where it is. A chunk of 1 is decode."""
    s, blocks = shape, -(-quads(shape) // THREADS)
    name = f"attention_merge_{s.name}_{rows}_{act}_{tuning.name}" + ("_chunk" if chunk > 1 else "")
    k = KernelBuilder(name, (PerTokens(), s.heads * blocks) if chunk > 1 else (s.heads, blocks), THREADS)
    partials = Partials(k, s, rows)
    projected = Heads(k, "projected", chunk, s.projected // s.size, s.size, act) if s.gated else None
    y = Heads(k, "y", chunk, s.heads, s.size, act)
    tokens = k.scalar("tokens") if chunk > 1 else 1
    with k.threads() as (x_block, y_block, thread):
        token, head, block = (x_block, y_block // blocks, y_block % blocks) if chunk > 1 else (0, x_block, y_block)
        quad = let(block * THREADS + thread)
        with when(quad < y.quads):
            used, together = partials.used(token, head), tuning.together
            peak, total, mixed = Cell(const(MASKED)), Cell(const(0.0)), Cell(splat(0.0), "float32x4")
            turns = (used + (together - 1)) // together
            with loop(turns) as i:
                for part in (T.min(i * together + j, used - 1) for j in range(together)):
                    peak.set(T.max(peak.get(), partials.sums(part * tokens + token, head)[0]))
            with loop(turns) as i:
                for part in (i * together + j for j in range(together)):
                    row = hold(T.min(part, used - 1) * tokens + token, "int32")
                    own_peak, own_total = partials.sums(row, head)
                    weight = hold(T.Select(part < used, T.exp(own_peak - peak.get()), const(0.0)))
                    total.add(weight * own_total)
                    mixed.add(T.broadcast(weight, 4) * partials.four(row, head, quad))
            result = let(mixed.get() / T.broadcast(total.get(), 4))
            gate = None if projected is None else projected.four(token, 2 * head + 1, quad)
            y.put(token, head, quad, result if gate is None else gated(result, gate))
    return k.finish()
