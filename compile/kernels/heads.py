"""Buffers whose rows are heads of equal size, read and written four values at a time."""

from tvm.tirx.script import builder as T

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
