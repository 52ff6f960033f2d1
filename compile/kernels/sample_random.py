"""The draw in [0, 1) for a seed and the position of the token that is drawn: three rounds of PCG's hash."""

from tvm.tirx.script import builder as T

from .common import Expr, cast, const, hold
from .sample_words import u32


def reference(seed: int, position: int) -> float:
    """The definition."""
    state = seed & 0xFFFFFFFF
    for word in (position, 0x9E3779B9):
        state = _pcg((state + word) & 0xFFFFFFFF)
    return (state >> 8) * 2.0**-24


def _pcg(state: int) -> int:
    state = (state * 747796405 + 2891336453) & 0xFFFFFFFF
    word = (((state >> ((state >> 28) + 4)) ^ state) * 277803737) & 0xFFFFFFFF
    return (word >> 22) ^ word


def random_unit(seed: Expr, position: Expr) -> Expr:
    """The same in a kernel."""
    state = seed
    for word in (cast(position, "uint32"), u32(0x9E3779B9)):
        state = _pcg_in_kernel(state + word)
    return hold(cast(T.shift_right(state, u32(8)), "float32") * const(2.0**-24))


def _pcg_in_kernel(value: Expr) -> Expr:
    state = hold(value * u32(747796405) + u32(2891336453), "uint32")
    shift = T.shift_right(state, u32(28)) + u32(4)
    word = hold(T.bitwise_xor(T.shift_right(state, shift), state) * u32(277803737), "uint32")
    return hold(T.bitwise_xor(T.shift_right(word, u32(22)), word), "uint32")
