"""How a kernel reads a quantised matrix, one group of 32 weights at a time. The layouts are defined in quantise.py.

Weights can be had in two ways. `unpack` gives them as they are, but for the scale. `levels` leaves each q4 weight
where it lies in its word, times 16ⁱ, and makes up for that in the vector, which is multiplied by 16⁻ⁱ once for all
rows. Powers of two are exact.

In software it gives q · 16ⁱ, and the vector Σ 8x, which each product is too large by: 4 operations for a multiply-add
instead of 6. Measured, q4 7168x1024 times a vector, 16 rows a thread: SwiftShader 7.1 and 4.7 ms, lavapipe 1.08 and
0.99 ms.

On a GPU it gives (q - 8) · 16ⁱ, and converts nothing: the bits of q · 16ⁱ are set in those of the float 2²³, whose last
bit is worth 1, and 2²³ + 8 · 16ⁱ is subtracted, which is exact. Conversions and shifts run at a fourth or less of the
rate of a multiply-add on GPUs of Apple and NVIDIA: 19 of them for eight weights become 5. Not yet measured there.
"""

from collections.abc import Iterator, Sequence

from tvm.tirx.script import builder as T

from ..quantise import PLAIN, WORDS_PER_GROUP, groups
from .common import Cell, Expr, KernelBuilder, cast, const, dot, hold, lane, let, loop, splat

BYTES = 0x0F0F0F0F
# The halves of bytes 0 and 1 of the lower 16 bits of a word, for the first and the next four weights, and their places.
MASKS = ((0x000F, 0x0F00), (0x00F0, 0xF000))
PLACES = ((1, 256), (16, 4096))
INTEGERS = 1 << 23  # from here to twice that a float's last bit is worth 1
INTEGERS_BITS = 0x4B000000  # as the float


class QuantisedMatrix:
    """The buffers of a matrix [rows, width] in one of the formats of quantise.py: NAME_words and NAME_scales.

    Words are loaded four at a time, by `group` and `quarters`, or, if `single`, one at a time, by `quarter_words`.
    """

    def __init__(self, k: KernelBuilder, name: str, rows: int, width: int, form: str, *, single: bool = False) -> None:
        self.form, self._single = form, single
        self.groups = groups(width)
        count, words = rows * self.groups, WORDS_PER_GROUP[form]
        shape, dtype = ((count, words), "uint32") if single else ((count, words // 4), "uint32x4")
        self._words = k.buffer(f"{name}_words", shape, dtype)
        self._scales = k.buffer(f"{name}_scales", ((count + 1) // 2,), "uint32") if form not in PLAIN else None

    def group(self, at: Expr) -> list[Expr]:
        """The words of a group, which has as many loads of four as a quarter has words."""
        quads = [let(self._words[at, i]) for i in range(self.words_of_quarter)]
        return [lane(quad, i) for quad in quads for i in range(4)]

    def quarters(self, ats: Sequence[Expr]) -> Iterator[tuple[Expr, list[list[Expr]]]]:
        """Runs what follows in a loop over the quarters of groups: the number of the quarter, the words of each group.
        Needs a matrix that is not `single`: words come four at a time even where a quarter has fewer."""
        count = self.words_of_quarter
        if count >= 4:
            with loop(4) as part:
                quads = [[let(self._words[at, part * (count // 4) + i]) for i in range(count // 4)] for at in ats]
                yield part, [[lane(quad, i) for quad in each for i in range(4)] for each in quads]
            return
        with loop(count) as i:
            turning = [Cell(self._words[at, i], "uint32x4") for at in ats]
            with loop(4 // count) as j:
                yield i * (4 // count) + j, [[hold(lane(q.get(), w), "uint32") for w in range(count)] for q in turning]
                for quad in turning:
                    quad.set(T.Shuffle([quad.get()], [(w + count) % 4 for w in range(4)]))

    def at(self, row: Expr, group: Expr) -> Expr:
        """The number of a group, which tells `group`, `quarters`, `quarter_words` and `scale` where it is."""
        return hold(row * self.groups + group, "int32")

    @property
    def words_of_quarter(self) -> int:
        """Words that hold 8 weights."""
        return WORDS_PER_GROUP[self.form] // 4

    @property
    def scaled(self) -> bool:
        """Whether weights have scales."""
        return self._scales is not None

    @property
    def has_surplus(self) -> bool:
        """Whether `meet` has something to make up for."""
        return self.form == "q4" and not self._single

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

    def levels(self, words: list[Expr]) -> list[Expr]:
        """The weights in words as vec4<f32>, before scaling, for a vector that has been through `meet`."""
        if self.form != "q4":
            return self.unpack(words)
        halves = [(word, hold(T.shift_right(word, T.uint32(16)), "uint32")) for word in words]
        fours = [
            (_masked(low, high, masks), places)
            for low, high in halves
            for masks, places in zip(MASKS, PLACES, strict=True)
        ]
        if self.has_surplus:
            # A signed integer is cheaper to convert on a CPU.
            return [cast(T.reinterpret("int32x4", four), "float32x4") for four, _ in fours]
        return [_centred(four, places) for four, places in fours]

    def meet(self, xs: Sequence[Expr]) -> tuple[list[Expr], Expr | None]:
        """Eight, or any even number, vec4<f32> of a vector as `levels` wants them, and by how much the product with
        them is too large (None: by nothing)."""
        if self.form != "q4":
            return list(xs), None
        lower, higher = (T.Shuffle([const(1 / place) for place in places] * 2, [0, 1, 2, 3]) for places in PLACES)
        made = [hold(x * (higher if i % 2 else lower), "float32x4") for i, x in enumerate(xs)]
        surplus = sum((dot(x, splat(8.0)) for x in xs), start=const(0.0)) if self.has_surplus else None
        return made, None if surplus is None else hold(surplus)

    def factor(self, number: Expr) -> Expr | None:
        """What `levels` wants the vector's values 4·number .. 4·number + 3 multiplied by; None: by nothing."""
        if self.form != "q4":
            return None
        (one, further), (odd, _) = PLACES
        first = hold(T.Select(number % 2 == 0, const(1 / one), const(1 / odd)))
        return hold(T.Shuffle([first, first * const(one / further)] * 2, [0, 1, 2, 3]), "float32x4")

    def scale(self, at: Expr) -> Expr | None:
        """The scale of a group; None where weights need none."""
        if self._scales is None:
            return None
        half = T.shift_right(self._scales[T.shift_right(at, 1)], cast(T.bitwise_and(at, 1), "uint32") * T.uint32(16))
        return hold(lane(T.call_pure_extern("float32x2", "unpack2x16float", half), 0))


def _bytes_minus_8(word: Expr, shift: int) -> Expr:
    nibbles = T.bitwise_and(T.shift_right(word, T.uint32(shift)) if shift else word, T.uint32(BYTES))
    return cast(T.call_pure_extern("uint32x4", "unpack4xU8", nibbles), "float32x4") - splat(8.0)


def _masked(low: Expr, high: Expr, masks: tuple[int, int]) -> Expr:
    """Four weights where they lie in the halves of a word."""
    both = T.Shuffle([T.uint32(mask) for mask in masks] * 2, [0, 1, 2, 3])
    return T.bitwise_and(T.Shuffle([low, low, high, high], [0, 1, 2, 3]), both)


def _centred(four: Expr, places: tuple[int, int]) -> Expr:
    """q - 8 of each, times its place."""
    floats = T.reinterpret("float32x4", T.bitwise_or(four, T.broadcast(T.uint32(INTEGERS_BITS), 4)))
    return floats - T.Shuffle([const(float(INTEGERS + 8 * place)) for place in places] * 2, [0, 1, 2, 3])


def _join(low: Expr, high: Expr) -> Expr:
    return T.Shuffle([lane(low, 0), lane(low, 1), lane(high, 0), lane(high, 1)], [0, 1, 2, 3])
