"""How a kernel reads a quantised matrix, one group of 32 weights at a time. The layouts are defined in quantise.py."""

from tvm.tirx.script import builder as T

from ..quantise import PLAIN, WORDS_PER_GROUP, groups
from .common import Expr, KernelBuilder, cast, hold, lane, let, splat

BYTES = 0x0F0F0F0F


class QuantisedMatrix:
    """The buffers of a matrix [rows, width] in one of the formats of quantise.py: NAME_words and NAME_scales.

    Words are loaded four at a time, or, if `single`, one at a time: then a kernel may choose them in a loop.
    """

    def __init__(self, k: KernelBuilder, name: str, rows: int, width: int, form: str, *, single: bool = False) -> None:
        self.form, self.single = form, single
        self.groups = groups(width)
        count, words = rows * self.groups, WORDS_PER_GROUP[form]
        shape, dtype = ((count, words), "uint32") if single else ((count, words // 4), "uint32x4")
        self._words = k.buffer(f"{name}_words", shape, dtype)
        self._scales = k.buffer(f"{name}_scales", ((count + 1) // 2,), "uint32") if form not in PLAIN else None

    def group(self, row: Expr, group: Expr) -> tuple[list[Expr], Expr | None]:
        """Eight vec4<f32> with the weights of a group before scaling, and the scale (None: already scaled)."""
        at = let(row * self.groups + group)
        quads = [let(self._words[at, i]) for i in range(WORDS_PER_GROUP[self.form] // 4)]
        return self.unpack([lane(quad, i) for quad in quads for i in range(4)]), self.scale(at)

    def at(self, row: Expr, group: Expr) -> Expr:
        """The number of a group, for `quarter_words` and `scale`."""
        return hold(row * self.groups + group, "int32")

    @property
    def words_of_quarter(self) -> int:
        """Words that hold 8 weights."""
        return WORDS_PER_GROUP[self.form] // 4

    @property
    def scaled(self) -> bool:
        """Whether weights have scales."""
        return self._scales is not None

    def quarter_words(self, at: Expr, part: Expr) -> list[Expr]:
        """The words of weights 8·part .. 8·part+7 of a group; `part` may be known only in the kernel."""
        return [hold(self._words[at, part * self.words_of_quarter + i], "uint32") for i in range(self.words_of_quarter)]

    def quarter(self, at: Expr, part: Expr) -> list[Expr]:
        """Two vec4<f32> with those weights, before scaling."""
        return self.unpack(self.quarter_words(at, part))

    def unpack(self, words: list[Expr]) -> list[Expr]:
        """The weights in words as vec4<f32>, before scaling."""
        if self.form == "q4":
            return [_bytes_minus_8(word, shift) for word in words for shift in (0, 4)]
        if self.form == "q8":
            return [cast(T.call_pure_extern("int32x4", "unpack4xI8", word), "float32x4") for word in words]
        if self.form == "f32":
            floats = [T.reinterpret("float32", word) for word in words]
            return [T.Shuffle(floats[i : i + 4], [0, 1, 2, 3]) for i in range(0, len(words), 4)]
        pairs = [T.call_pure_extern("float32x2", "unpack2x16float", word) for word in words]
        return [_join(pairs[i], pairs[i + 1]) for i in range(0, len(words), 2)]

    def scale(self, at: Expr) -> Expr | None:
        """The scale of a group; None where weights need none."""
        if self._scales is None:
            return None
        half = T.shift_right(self._scales[T.shift_right(at, 1)], cast(T.bitwise_and(at, 1), "uint32") * T.uint32(16))
        return hold(lane(T.call_pure_extern("float32x2", "unpack2x16float", half), 0))


def _bytes_minus_8(word: Expr, shift: int) -> Expr:
    nibbles = T.bitwise_and(T.shift_right(word, T.uint32(shift)) if shift else word, T.uint32(BYTES))
    return cast(T.call_pure_extern("uint32x4", "unpack4xU8", nibbles), "float32x4") - splat(8.0)


def _join(low: Expr, high: Expr) -> Expr:
    return T.Shuffle([lane(low, 0), lane(low, 1), lane(high, 0), lane(high, 1)], [0, 1, 2, 3])
