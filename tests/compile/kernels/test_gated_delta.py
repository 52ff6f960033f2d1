"""The gated delta rule: a token at a time, a chunk at a time, and handed over from one to the other."""

# T tokens, C channels, W taps, Hv value heads, dk, dv head sizes

from dataclasses import dataclass, replace

import numpy as np
import pytest
from windowseat.compile.kernels.causal_conv import causal_conv
from windowseat.compile.kernels.delta_pairs import BLOCK, FACTORS, delta_pairs
from windowseat.compile.kernels.delta_scan import delta_scan
from windowseat.compile.kernels.gated_delta import reference
from windowseat.compile.kernels.gated_delta_step import gated_delta_step
from windowseat.compile.kernels.gated_norm import gated_norm
from windowseat.compile.shapes import DeltaShape
from windowseat.compile.tuning import Tuning

from tests.compile.machine import F32, F64, Array, Machine, exact, normal

EPS = 1e-6
SMALL = DeltaShape(key_heads=2, value_heads=2, key_size=32, value_size=32, taps=4)
SHAPES = [
    SMALL,
    DeltaShape(key_heads=2, value_heads=6, key_size=40, value_size=24, taps=3),
    DeltaShape(key_heads=1, value_heads=3, key_size=128, value_size=128, taps=4),
    DeltaShape(key_heads=1, value_heads=1, key_size=20, value_size=300, taps=2),
    DeltaShape(key_heads=3, value_heads=33, key_size=6, value_size=5, taps=4),
]
shapes = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)


@dataclass(frozen=True)
class Layer:
    """The weights of a layer and the tokens that it meets."""

    shape: DeltaShape
    projected: Array  # [T, q|k|v|z]
    gates: F32  # [T, b|a]
    conv: F32  # [C, W]
    decay_dt: F32  # [2, Hv]
    norm: F32  # [dv]

    def after(self, past: F64, state: F64) -> tuple[F64, F64]:
        decay, dt_bias = exact(self.decay_dt)
        projected, gates, conv = exact(self.projected), exact(self.gates), exact(self.conv)
        return reference(self.shape, projected, gates, conv, decay, dt_bias, exact(self.norm), EPS, past, state)

    def from_nothing(self) -> tuple[F64, F64]:
        s = self.shape
        return self.after(np.zeros((s.taps - 1, s.channels)), np.zeros((s.value_heads, s.key_size, s.value_size)))

    def part(self, start: int, stop: int) -> "Layer":
        return replace(self, projected=self.projected[start:stop], gates=self.gates[start:stop])


@dataclass(frozen=True)
class Memory:
    """What a layer keeps between launches."""

    ring: F32  # [W, C]
    state: F32  # [Hv, dk, dv]


def layer(machine: Machine, s: DeltaShape, tokens: int) -> Layer:
    return Layer(
        s,
        machine.normal(1, tokens, s.projected),
        normal(2, tokens, 2 * s.value_heads),
        normal(3, s.channels, s.taps) * np.float32(0.5),
        np.stack([-np.exp(normal(4, s.value_heads)), normal(5, s.value_heads)]),
        normal(6, s.value_size),
    )


def memory(s: DeltaShape) -> Memory:
    return Memory(normal(7, s.taps, s.channels), normal(8, s.value_heads, s.key_size, s.value_size))


def garbage(s: DeltaShape, value: float) -> Memory:
    ring, state = (s.taps, s.channels), (s.value_heads, s.key_size, s.value_size)
    return Memory(np.full(ring, value, np.float32), np.full(state, value, np.float32))


def past(kept: Memory, position: int) -> F64:
    """The columns of the W - 1 tokens before `position`, oldest first."""
    taps = len(kept.ring)
    return exact(kept.ring[[(position - back) % taps for back in range(taps - 1, 0, -1)]])


def steps(machine: Machine, tuning: Tuning, given: Layer, kept: Memory, position: int) -> tuple[Array, Memory]:
    """y [T, Hv·dv] of as many launches as there are tokens, and what is kept then."""
    kernel = gated_delta_step(given.shape, tuning=tuning, act=machine.act, eps=EPS)
    weights = {"conv": given.conv, "decay_dt": given.decay_dt, "norm": given.norm}
    y = []
    for t in range(len(given.projected)):
        arrays = weights | {"projected": given.projected[t], "gates": given.gates[t], "ring": kept.ring}
        arrays |= {"state": kept.state, "y": machine.zeros(given.shape.values)}
        after = machine.run(kernel, arrays, {"position": position + t})
        y.append(after["y"])
        kept = Memory(after["ring"], after["state"])
    return np.stack(y), kept


def chunk(machine: Machine, tuning: Tuning, given: Layer, kept: Memory, position: int) -> tuple[Array, Memory]:
    """y [T, Hv·dv] of the four launches of a chunk, and what is kept then."""
    y, after, _ = marked_chunk(machine, tuning, given, kept, position, keep_at=0)
    return y, after


def marked_chunk(
    machine: Machine, tuning: Tuning, given: Layer, kept: Memory, position: int, *, keep_at: int, room: int = 1
) -> tuple[Array, Memory, Memory]:
    """The same with `room` rows to spare, and besides what was kept after the first `keep_at` tokens."""
    s, act, tokens = given.shape, machine.act, len(given.projected)
    rows = tokens + room
    projected = np.concatenate([given.projected, np.full((room, s.projected), np.nan, act)])
    gates = np.concatenate([given.gates, np.full((room, 2 * s.value_heads), np.nan, np.float32)])
    scalars = {"position": position, "tokens": tokens, "keep_at": keep_at}
    halfway = garbage(s, np.nan)
    convolved = {"queries_keys": machine.zeros(rows, 2 * s.keys), "values": machine.zeros(rows, s.values)}
    arrays = {"projected": projected, "conv": given.conv, "ring": kept.ring, "ring_kept": halfway.ring, **convolved}
    after = machine.run(causal_conv(s, chunk=rows, act=act), arrays, scalars)
    convolved, ring, ring_kept = {name: after[name] for name in convolved}, after["ring"], after["ring_kept"]
    sizes = {"factors": FACTORS, "inverse": BLOCK, "mixture": BLOCK}
    solved = {name: np.full((rows, s.value_heads, size), np.nan, np.float32) for name, size in sizes.items()}
    arrays = {"queries_keys": convolved["queries_keys"], "gates": gates, "decay_dt": given.decay_dt, **solved}
    after = machine.run(delta_pairs(s, tuning=tuning, chunk=rows, act=act), arrays, scalars)
    arrays = {**convolved, **{name: after[name] for name in solved}, "state": kept.state, "state_kept": halfway.state}
    arrays["outputs"] = np.full((rows, s.values), np.nan, np.float32)
    after = machine.run(delta_scan(s, tuning=tuning, chunk=rows, act=act), arrays, scalars)
    halfway = Memory(ring_kept, after["state_kept"])
    arrays = {
        "outputs": after["outputs"],
        "projected": projected,
        "norm": given.norm,
        "y": machine.zeros(rows, s.values),
    }
    y = machine.run(gated_norm(s, tuning=tuning, chunk=rows, act=act, eps=EPS), arrays, scalars)["y"]
    return y[:tokens], Memory(ring, after["state"]), halfway


@shapes
def test_steps_agree_with_the_reference(machine: Machine, tuning: Tuning, shape: DeltaShape) -> None:
    given, before = layer(machine, shape, 3), memory(shape)
    y, kept = steps(machine, tuning, given, before, 5)
    wanted, state = given.after(past(before, 5), exact(before.state))
    machine.agree(y, wanted)
    machine.agree(kept.state, state)


@shapes
def test_a_chunk_agrees_with_the_reference(machine: Machine, tuning: Tuning, shape: DeltaShape) -> None:
    given, before = layer(machine, shape, 11), memory(shape)
    y, kept, halfway = marked_chunk(machine, tuning, given, before, 5, keep_at=4)
    wanted, state = given.after(past(before, 5), exact(before.state))
    machine.agree(y, wanted)
    machine.agree(kept.state, state)
    machine.agree(halfway.state, given.part(0, 4).after(past(before, 5), exact(before.state))[1])


def test_the_blocks_of_a_chunk_follow_each_other(machine: Machine, tuning: Tuning) -> None:
    given, before = layer(machine, SHAPES[1], 70), memory(SHAPES[1])
    y, kept = chunk(machine, tuning, given, before, 5)
    wanted, state = given.after(past(before, 5), exact(before.state))
    machine.agree(y, wanted)
    machine.agree(kept.state, state)


@pytest.mark.parametrize("tokens", [1, 2, 3, 20])
def test_the_ring_holds_the_last_inputs_after_a_chunk(machine: Machine, tuning: Tuning, tokens: int) -> None:
    given, before = layer(machine, SMALL, tokens), memory(SMALL)
    inputs = np.concatenate([past(before, 6), exact(given.projected[:, : SMALL.channels])])
    _, kept = chunk(machine, tuning, given, before, 6)
    np.testing.assert_array_equal(past(kept, 6 + tokens), inputs[-3:])


def test_the_ring_holds_the_last_inputs_after_steps(machine: Machine, tuning: Tuning) -> None:
    given, before = layer(machine, SMALL, 5), memory(SMALL)
    _, kept = steps(machine, tuning, given, before, 6)
    np.testing.assert_array_equal(past(kept, 11), exact(given.projected[2:, : SMALL.channels]))


@pytest.mark.parametrize("value", [1e6, np.nan])
def test_steps_from_position_0_forget_whatever_was_kept(machine: Machine, tuning: Tuning, value: float) -> None:
    given = layer(machine, SMALL, 5)
    y, kept = steps(machine, tuning, given, garbage(SMALL, value), 0)
    wanted, state = given.from_nothing()
    machine.agree(y, wanted)
    machine.agree(kept.state, state)


@pytest.mark.parametrize("value", [1e6, np.nan])
def test_a_chunk_from_position_0_forgets_whatever_was_kept(machine: Machine, tuning: Tuning, value: float) -> None:
    given = layer(machine, SMALL, 6)
    y, kept = chunk(machine, tuning, given, garbage(SMALL, value), 0)
    wanted, state = given.from_nothing()
    machine.agree(y, wanted)
    machine.agree(kept.state, state)


def test_a_chunk_shorter_than_the_taps_leaves_nothing_of_what_was_kept_before(machine: Machine, tuning: Tuning) -> None:
    given = layer(machine, SMALL, 5)
    first, kept = chunk(machine, tuning, given.part(0, 1), garbage(SMALL, np.nan), 0)
    second, kept = chunk(machine, tuning, given.part(1, 2), kept, 1)
    rest, _ = steps(machine, tuning, given.part(2, 5), kept, 2)
    wanted, _ = given.from_nothing()
    machine.agree(np.concatenate([first, second, rest]), wanted)


def test_chunks_and_steps_hand_over_to_each_other(machine: Machine, tuning: Tuning) -> None:
    given = layer(machine, SHAPES[1], 14)
    first, kept = chunk(machine, tuning, given.part(0, 7), garbage(SHAPES[1], 1e6), 0)
    second, kept = steps(machine, tuning, given.part(7, 10), kept, 7)
    third, _ = chunk(machine, tuning, given.part(10, 14), kept, 10)
    wanted, _ = given.from_nothing()
    machine.agree(np.concatenate([first, second, third]), wanted)


@pytest.mark.parametrize("keep_at", [1, 2, 31, 32, 33, 69, 70])
def test_a_chunk_keeps_what_it_was_on_the_way(machine: Machine, tuning: Tuning, keep_at: int) -> None:
    given, before = layer(machine, SHAPES[1], 70), memory(SHAPES[1])
    y, after, halfway = marked_chunk(machine, tuning, given, before, 5, keep_at=keep_at)
    _, state = given.part(0, keep_at).after(past(before, 5), exact(before.state))
    inputs = np.concatenate([past(before, 5), exact(given.projected[:keep_at, : SHAPES[1].channels])])
    machine.agree(halfway.state, state)
    np.testing.assert_array_equal(past(halfway, 5 + keep_at), inputs[-2:])
    plain, unmarked, untouched = marked_chunk(machine, tuning, given, before, 5, keep_at=0)
    np.testing.assert_array_equal(y, plain)
    np.testing.assert_array_equal(after.state, unmarked.state)
    assert np.isnan(untouched.state).all()
    assert np.isnan(untouched.ring).all()


@pytest.mark.parametrize("keep_at", [1, 5])
def test_what_is_kept_on_the_way_from_position_0_forgets_the_rest(
    machine: Machine, tuning: Tuning, keep_at: int
) -> None:
    given = layer(machine, SMALL, 6)
    _, _, halfway = marked_chunk(machine, tuning, given, garbage(SMALL, np.nan), 0, keep_at=keep_at)
    rest, _ = steps(machine, tuning, given.part(keep_at, 6), halfway, keep_at)
    wanted, _ = given.from_nothing()
    machine.agree(rest, wanted[keep_at:])


def test_the_ring_turns_at_any_position(f32_machine: Machine, tuning: Tuning) -> None:
    given, before = layer(f32_machine, SHAPES[1], 4), memory(SHAPES[1])
    y, _ = steps(f32_machine, tuning, given, before, 200_000)
    wanted, _ = given.after(past(before, 200_000), exact(before.state))
    f32_machine.agree(y, wanted)


def test_gates_far_from_zero_neither_overflow_nor_vanish(f32_machine: Machine, tuning: Tuning) -> None:
    gates = np.tile(np.array([[90, -90, 90, -90], [-90, 90, -90, 90]], np.float32), (18, 1))
    extreme = replace(layer(f32_machine, SMALL, 36), gates=gates)
    before = memory(SMALL)
    wanted, _ = extreme.after(past(before, 5), exact(before.state))
    f32_machine.agree(steps(f32_machine, tuning, extreme.part(0, 2), before, 5)[0], wanted[:2])
    f32_machine.agree(chunk(f32_machine, tuning, extreme, before, 5)[0], wanted)
