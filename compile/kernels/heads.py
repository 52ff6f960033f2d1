"""Buffers whose rows are heads, of equal size or of two sizes, read and written four values at a time."""

from dataclasses import dataclass

from tvm.tirx.script import builder as T

from ..shapes import DeltaShape
from .common import Expr, KernelBuilder, cast, choose, const, f32, lane, store, vec4_f32, when


class Heads:
    """A buffer [rows, heads, size].

    Heads that are a multiple of 4 wide become vec4 loads and stores, others go value by value; what lies past the end
    of a head reads as zero and is not written.
    """

    def __init__(self, k: KernelBuilder, name: str, rows: int, heads: int, size: int, dtype: str) -> None:
        self.heads, self.size, self.quads = heads, size, -(-size // 4)
        self._dtype, self._vector = dtype, size % 4 == 0
        shape, kind = ((rows, heads, self.quads), f"{dtype}x4") if self._vector else ((rows, heads, size), dtype)
        self._buffer = k.buffer(name, shape, kind)

    def four(self, row: Expr, head: Expr, quad: Expr) -> Expr:
        """Values 4·quad .. 4·quad+3 of a head as vec4<f32>; `quad` is inside it."""
        if self._vector:
            return vec4_f32(self._buffer[row, head, quad])
        at = [quad * 4 + i for i in range(4)]
        values = [f32(self._buffer[row, head, T.min(each, self.size - 1)]) for each in at]
        inside = [choose(each < self.size, value, const(0.0)) for each, value in zip(at, values, strict=True)]
        return T.Shuffle(inside, [0, 1, 2, 3])

    def put(self, row: Expr, head: Expr, quad: Expr, value: Expr) -> None:
        """Writes vec4<f32> where `four` reads it."""
        if self._vector:
            store(self._buffer, (row, head, quad), cast(value, f"{self._dtype}x4"))
            return
        for i in range(4):
            with when(quad * 4 + i < self.size):
                store(self._buffer, (row, head, quad * 4 + i), cast(lane(value, i), self._dtype))


@dataclass(frozen=True, slots=True)
class Four:
    """Four channels from `first` on, of which only `count` belong to the head if that is less."""

    first: Expr
    count: Expr


class Channels:
    """A buffer of rows whose heads are keys' and values', one after the other.

    Where both kinds are a multiple of 4 wide, four channels are one load or one store, otherwise one each.
    """

    def __init__(self, k: KernelBuilder, name: str, rows: int, width: int, dtype: str, s: DeltaShape) -> None:
        self._dtype, self._vector = dtype, s.key_size % 4 == s.value_size % 4 == 0
        shape, kind = ((rows, width // 4), f"{dtype}x4") if self._vector else ((rows, width), dtype)
        self._buffer = k.buffer(name, shape, kind)

    def four(self, row: Expr, four: Four) -> Expr:
        """The values as vec4<f32>, zero where they do not belong to the head."""
        if self._vector:
            return vec4_f32(self._buffer[row, four.first // 4])
        values = [f32(self._buffer[row, four.first + T.min(i, four.count - 1)]) for i in range(4)]
        return T.Shuffle([choose(i < four.count, value, const(0.0)) for i, value in enumerate(values)], [0, 1, 2, 3])

    def put(self, row: Expr, four: Four, value: Expr) -> None:
        """Writes vec4<f32> where `four` reads it."""
        if self._vector:
            store(self._buffer, (row, four.first // 4), cast(value, f"{self._dtype}x4"))
            return
        for i in range(4):
            with when(i < four.count):
                store(self._buffer, (row, four.first + i), cast(lane(value, i), self._dtype))
