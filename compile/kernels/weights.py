"""How a kernel reads a quantised matrix, one group of 32 weights at a time. The layouts are defined in quantise.py."""

from tvm.tirx.script import builder as T

from ..quantise import PLAIN, WORDS_PER_GROUP, groups
from .common import Expr, KernelBuilder, cast, hold, lane, let, splat

BYTES = 0x0F0F0F0F


class QuantisedMatrix:
    """The buffers of a matrix [rows, width] in one of the formats of quantise.py: NAME_words and NAME_scales."""

    def __init__(self, k: KernelBuilder, name: str, rows: int, width: int, form: str) -> None:
        self.form = form
        self.groups = groups(width)
        self._quads = WORDS_PER_GROUP[form] // 4
        count = rows * self.groups
        self._words = k.buffer(f"{name}_words", (count, self._quads), "uint32x4")
        self._scales = k.buffer(f"{name}_scales", ((count + 1) // 2,), "uint32") if form not in PLAIN else None

    def group(self, row: Expr, group: Expr) -> tuple[list[Expr], Expr | None]:
        """Eight vec4<f32> with the weights of a group before scaling, and the scale (None: already scaled)."""
        at = let(row * self.groups + group)
        quads = [let(self._words[at, i]) for i in range(self._quads)]
        words = [lane(quad, i) for quad in quads for i in range(4)]
        if self.form == "q4":
            values = [_bytes_minus_8(word, shift) for word in words for shift in (0, 4)]
        elif self.form == "q8":
            values = [_signed_bytes(word) for word in words]
        elif self.form == "f32":
            values = [T.reinterpret("float32x4", quad) for quad in quads]
        else:
            pairs = [T.call_pure_extern("float32x2", "unpack2x16float", word) for word in words]
            values = [_join(pairs[i], pairs[i + 1]) for i in range(0, 16, 2)]
        return values, self._scale(at)

    def quarter(self, row: Expr, group: Expr, part: Expr) -> tuple[list[Expr], Expr | None]:
        """As `group`, but only vec4s 2·part and 2·part+1, for four threads that share a group."""
        at = let(row * self.groups + group)
        if self.form == "q4":
            word = hold(_pick(let(self._words[at, 0]), part), "uint32")
            return [_bytes_minus_8(word, shift) for shift in (0, 4)], self._scale(at)
        if self.form == "q8":
            quad = let(self._words[at, T.shift_right(part, 1)])
            odd = let(T.bitwise_and(part, 1))
            words = [hold(T.Select(odd == 0, lane(quad, i), lane(quad, i + 2)), "uint32") for i in range(2)]
            return [_signed_bytes(word) for word in words], self._scale(at)
        if self.form == "f32":
            return [T.reinterpret("float32x4", self._words[at, part * 2 + i]) for i in range(2)], None
        quad = let(self._words[at, part])
        pairs = [T.call_pure_extern("float32x2", "unpack2x16float", lane(quad, i)) for i in range(4)]
        return [_join(pairs[0], pairs[1]), _join(pairs[2], pairs[3])], None

    def _scale(self, at: Expr) -> Expr | None:
        if self._scales is None:
            return None
        half = T.shift_right(self._scales[T.shift_right(at, 1)], cast(T.bitwise_and(at, 1), "uint32") * T.uint32(16))
        return let(lane(T.call_pure_extern("float32x2", "unpack2x16float", half), 0))


def _bytes_minus_8(word: Expr, shift: int) -> Expr:
    nibbles = T.bitwise_and(T.shift_right(word, T.uint32(shift)) if shift else word, T.uint32(BYTES))
    return cast(T.call_pure_extern("uint32x4", "unpack4xU8", nibbles), "float32x4") - splat(8.0)


def _signed_bytes(word: Expr) -> Expr:
    return cast(T.call_pure_extern("int32x4", "unpack4xI8", word), "float32x4")


def _pick(quad: Expr, index: Expr) -> Expr:
    """quad[index] where the index is known only in the kernel."""
    low = T.Select(index == 0, lane(quad, 0), lane(quad, 1))
    high = T.Select(index == 2, lane(quad, 2), lane(quad, 3))
    return T.Select(index < 2, low, high)


def _join(low: Expr, high: Expr) -> Expr:
    return T.Shuffle([lane(low, 0), lane(low, 1), lane(high, 0), lane(high, 1)], [0, 1, 2, 3])
