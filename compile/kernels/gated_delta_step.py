"""Decode's gated delta rule (gated_delta.py): one launch, a workgroup per value head, from the convolution to the gate.

The columns of the state [dk, dv] do not meet. A thread takes four neighbouring columns, and on a GPU one of 8 parts of
the keys: 0.8B's 128x128 states take 256 threads of 16 vec4 each, which are all in flight at once, stay in registers
while the threads of a column add up Sᵀ k in workgroup memory, and are written back: each state is read once and
written once, 16 heads · 64 KiB · 2 = 2 MiB a layer. Splitting a head over several workgroups would repeat the
convolution and the norms of q and k in each, and leave the norm of the outputs to the next launch; 64 KiB do not need
it. On software adapters there is nothing to be in flight and barriers are dear: one part, and the state is read twice.
Measured at 0.8B, one part against a thread for four columns that lie apart: lavapipe 0.73 ms and 0.79, SwiftShader 2.4
and 1.9; eight parts against a thread per column, lavapipe: 1.4 and 2.6.
"""

# C channels (q, k and v), W taps of the convolution, Hk key heads, Hv value heads, dk, dv head sizes

from collections.abc import Iterator
from functools import cache

from tvm.tirx.script import builder as T

from ..shapes import DeltaShape
from ..tuning import Tuning
from .causal_conv import tap
from .common import (
    Buffer,
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
    barrier,
    cast,
    const,
    f32,
    hold,
    lane,
    let,
    loop,
    shared,
    sigmoid,
    silu,
    softplus,
    splat,
    store,
    strided,
    when,
)
from .gated_delta import L2_EPS
from .heads import Heads

MAX_THREADS = 256
MOST_HELD = 16  # vec4 of the state that a thread keeps in registers


@cache
def gated_delta_step(shape: DeltaShape, *, tuning: Tuning, act: str, eps: float) -> Kernel:
    """Buffers: projected [q|k|v|z], gates [b|a] f32, conv [C, W], decay_dt [2, Hv], norm [dv], ring [W, C] f32,
    state [Hv, dk, dv] f32, y [Hv·dv]."""
    s = shape
    lanes = -(-s.value_size // 4)
    parts = max(1, min(tuning.step_parts, MAX_THREADS // lanes))
    threads = lanes * parts
    k = KernelBuilder(f"gated_delta_step_{s.name}_{act}_{tuning.name}", (s.value_heads, 1), threads)
    projected = k.buffer("projected", (s.projected,), act)
    gates = k.buffer("gates", (2 * s.value_heads,), "float32")
    conv = k.buffer("conv", (s.channels, s.taps), "float32")
    decay_dt = k.buffer("decay_dt", (2, s.value_heads), "float32")
    norm = k.buffer("norm", (s.value_size,), "float32")
    ring = k.buffer("ring", (s.taps, s.channels), "float32")
    state = Heads(k, "state", s.value_heads, s.key_size, s.value_size, "float32")
    y = k.buffer("y", (s.values,), act)
    position = k.scalar("position")

    with k.threads() as (head, _, thread):
        key_head = hold(head * s.key_heads // s.value_heads, "int32")
        inputs = shared(2 * s.key_size + s.value_size)  # q, k and v of this head
        with strided(thread, 2 * s.key_size + s.value_size, threads) as i:
            part_of_head = T.Select(i < s.key_size, key_head * s.key_size, s.keys - s.key_size + key_head * s.key_size)
            channel = hold(
                i + T.Select(i < 2 * s.key_size, part_of_head, 2 * (s.keys - s.key_size) + head * s.value_size), "int32"
            )
            new = hold(f32(projected[channel]))
            taps = [tap(ring, position, s.taps - 1 - j, s.taps, channel) for j in range(s.taps - 1)]
            total = sum((each * conv[channel, j] for j, each in enumerate([*taps, new])), start=const(0.0))
            store(inputs, i, silu(hold(total)))
            # Value heads that share a key head all compute q and k; the first one writes them down.
            with when(T.Or(i >= 2 * s.key_size, head % (s.value_heads // s.key_heads) == 0)):
                store(ring, (position % s.taps, channel), new)
        barrier()
        q_norm, k_norm = (
            hold(T.rsqrt(_square_sum(inputs, start, s.key_size) + const(L2_EPS))) for start in (0, s.key_size)
        )
        beta = hold(sigmoid(gates[head]))
        rate = decay_dt[0, head] * softplus(gates[s.value_heads + head] + decay_dt[1, head])
        step = hold(T.exp(rate))
        part, quad = hold(thread // lanes, "int32"), hold(thread % lanes, "int32")
        owned = _Owned(state, head, quad, part, parts, position)
        recalled = Cell(splat(0.0), "float32x4")
        for i, old in owned.rows():
            recalled.add(old * T.broadcast(inputs[s.key_size + i], 4))
        known = _fold(recalled, thread, quad, lanes, parts) * T.broadcast(step * k_norm, 4)
        four = [inputs[2 * s.key_size + T.min(quad * 4 + i, s.value_size - 1)] for i in range(4)]
        delta = hold((T.Shuffle(four, [0, 1, 2, 3]) - known) * T.broadcast(beta * k_norm, 4), "float32x4")
        read = Cell(splat(0.0), "float32x4")
        for i, old in owned.rows():
            new = hold(old * T.broadcast(step, 4) + delta * T.broadcast(inputs[s.key_size + i], 4), "float32x4")
            state.put(head, i, quad, new)
            read.add(new * T.broadcast(inputs[i], 4))
        output = hold(_fold(read, thread, quad, lanes, parts) * T.broadcast(q_norm * s.key_size**-0.5, 4), "float32x4")
        outputs = shared(s.value_size)
        with when(part == 0):
            for i in range(4):
                with when(quad * 4 + i < s.value_size):
                    store(outputs, quad * 4 + i, lane(output, i))
        barrier()
        mean = _square_sum(outputs, 0, s.value_size) / const(float(s.value_size))
        inverse = hold(T.rsqrt(mean + const(eps)))
        with strided(thread, s.value_size, threads) as column:
            at = let(head * s.value_size + column)
            z = hold(f32(projected[s.channels + at]))
            store(y, at, cast(outputs[column] * inverse * norm[column] * silu(z), act))
    return k.finish()


class _Owned:
    """The rows of a head's state, in four columns, that a thread works on: every `parts`-th."""

    def __init__(self, state: Heads, head: Expr, quad: Expr, part: Expr, parts: int, position: Expr) -> None:
        self._state, self._head, self._quad, self._position = state, head, quad, position
        self._part, self._parts, self._count = part, parts, state.heads
        self._held: list[Expr] = []
        if parts > 1 and -(-self._count // parts) <= MOST_HELD:
            self._held = [self._read(T.min(self._row(j), self._count - 1)) for j in range(-(-self._count // parts))]

    def rows(self) -> Iterator[tuple[Expr, Expr]]:
        """Each row's number and what it held before the token."""
        if self._held:
            for j, old in enumerate(self._held):
                with when(self._row(j) < self._count):
                    yield self._row(j), old
        else:
            with loop(-(-self._count // self._parts)) as j, when(self._row(j) < self._count):
                yield self._row(j), self._read(self._row(j))

    def _row(self, j: Expr) -> Expr:
        return self._part + j * self._parts

    def _read(self, row: Expr) -> Expr:
        # At position 0 the state is whatever the last conversation left; only a select forgets a NaN.
        old = self._state.four(self._head, row, self._quad)
        return hold(T.if_then_else(self._position > 0, old, splat(0.0)), "float32x4")


def _fold(total: Cell, thread: Expr, quad: Expr, lanes: int, parts: int) -> Expr:
    """The sum over the threads that share columns."""
    if parts == 1:
        return total.get()
    partial = shared(lanes * parts, "float32x4")
    store(partial, thread, total.get())
    barrier()
    return hold(sum((partial[part * lanes + quad] for part in range(parts)), start=splat(0.0)), "float32x4")


def _square_sum(values: Buffer, start: int, count: int) -> Expr:
    """The sum of squares of a part of workgroup memory, computed by each thread for itself."""
    total = Cell(const(0.0))
    with loop(count) as i:
        total.add(values[start + i] * values[start + i])
    return total.get()
