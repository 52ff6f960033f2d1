"""Decode's gated delta rule (gated_delta.py): one launch, a workgroup per value head, from the convolution to the gate.

The columns of the state [dk, dv] do not meet. A thread takes four neighbouring columns, and on a GPU one of 8 parts of
the keys: 0.8B's 128x128 states take 256 threads of 16 vec4 each, which are all in flight at once, stay in registers
while the threads of a column add up Sᵀ k in workgroup memory, and are written back: each state is read once and
written once, 16 heads · 64 KiB · 2 = 2 MiB a layer. Splitting a head over several workgroups would repeat the
convolution and the norms of q and k in each, and leave the norm of the outputs to the next launch; 64 KiB do not need
it. On software adapters there is nothing to be in flight and barriers are dear: one part, and the state is read twice.
Measured at 0.8B, one part against a thread for four columns that lie apart: lavapipe 0.73 ms and 0.79, SwiftShader 2.4
and 1.9; eight parts against a thread per column, lavapipe: 1.4 and 2.6. q, k and v come in fours from workgroup memory,
and a thread that is alone adds up their squares as it comes by: against one at a time, and a loop of its own for each
sum, in one run: lavapipe 0.99 ms to 0.66, SwiftShader 3.4 to 2.5. (Loops of 32 turns would cost more than they save:
lavapipe's compiler writes them out, and took twice as long.)
"""

# C channels (q, k and v), W taps of the convolution, Hk key heads, Hv value heads, dk, dv head sizes

from collections.abc import Iterator
from contextlib import nullcontext
from functools import cache

from tvm.tirx.script import builder as T

from ..shapes import DeltaShape
from ..tuning import Tuning
from ..webgpu_limits import MAX_THREADS
from .common import (
    Buffer,
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
    Rows,
    barrier,
    const,
    dot,
    hold,
    lane,
    loop,
    shared,
    sigmoid,
    silu,
    silu_four,
    softplus,
    splat,
    store,
    strided,
    sum_over,
    when,
)
from .gated_delta import L2_EPS
from .heads import Channels, Four, Heads

MOST_HELD = 16  # vec4 of the state that a thread keeps in registers


@cache
def gated_delta_step(shape: DeltaShape, *, tuning: Tuning, act: str, eps: float) -> Kernel:
    """Buffers: projected [q|k|v|z], gates [b|a] f32, conv [C, W], decay_dt [2, Hv], norm [dv], ring [W, C] f32,
    state [Hv, dk, dv] f32, y [Hv·dv]."""
    s = shape
    lanes, key_quads = -(-s.value_size // 4), -(-s.key_size // 4)
    parts = max(1, min(tuning.step_parts, MAX_THREADS // lanes))
    threads = lanes * parts
    k = KernelBuilder(f"gated_delta_step_{s.name}_{act}_{tuning.name}", (s.value_heads, 1), threads)
    projected = Channels(k, "projected", 1, s.projected, act, s)
    gates = k.buffer("gates", (2 * s.value_heads,), "float32")
    conv = Rows(k, "conv", s.channels, s.taps, "float32")
    decay_dt = k.buffer("decay_dt", (2, s.value_heads), "float32")
    norm = Rows(k, "norm", 1, s.value_size, "float32")
    ring = Channels(k, "ring", s.taps, s.channels, "float32", s)
    state = Heads(k, "state", s.value_heads, s.key_size, s.value_size, "float32")
    y = Heads(k, "y", 1, s.value_heads, s.value_size, act)
    position = k.scalar("position")

    with k.threads() as (head, _, thread):
        key_head = hold(head * s.key_heads // s.value_heads, "int32")
        part, quad = hold(thread // lanes, "int32"), hold(thread % lanes, "int32")
        # First of all, for the state is most of what is read: it is on its way while the convolution is computed.
        owned = _Owned(state, head, quad, part, parts, position)
        inputs = shared(2 * key_quads + lanes, "float32x4")  # q, k and v of this head
        with strided(thread, 2 * key_quads + lanes, threads) as i:
            is_query, is_value = i < key_quads, i >= 2 * key_quads
            start = T.Select(is_query, key_head * s.key_size, s.keys + key_head * s.key_size)
            start = T.Select(is_value, 2 * s.keys + head * s.value_size, start)
            before = T.Select(is_query, 0, T.Select(is_value, 2 * key_quads, key_quads))
            within = hold((i - before) * 4, "int32")
            four = Four(
                hold(start + within, "int32"), hold(T.Select(is_value, s.value_size, s.key_size) - within, "int32")
            )
            new = hold(projected.four(0, four), "float32x4")
            store(inputs, i, _convolved(conv, ring, position, four, new, s.taps))
            # Value heads that share a key head all compute q and k; the first one writes them down.
            with when(T.Or(is_value, head % (s.value_heads // s.key_heads) == 0)):
                ring.put(position % s.taps, four, new)
        barrier()
        k_squares, q_squares = (_squares(inputs, start, key_quads, parts) for start in (key_quads, 0))
        beta = hold(sigmoid(gates[head]))
        rate = decay_dt[0, head] * softplus(gates[s.value_heads + head] + decay_dt[1, head])
        step = hold(T.exp(rate))
        recalled = Cell(splat(0.0), "float32x4")
        for row, olds in owned.fours():
            key = hold(inputs[key_quads + row], "float32x4")
            if parts == 1:
                k_squares.add(dot(key, key))
            for i, old in enumerate(olds):
                recalled.add(old * T.broadcast(lane(key, i), 4))
        k_norm = hold(T.rsqrt(k_squares.get() + const(L2_EPS)))
        known = _fold(recalled, thread, quad, lanes, parts) * T.broadcast(step * k_norm, 4)
        delta = hold((inputs[2 * key_quads + quad] - known) * T.broadcast(beta * k_norm, 4), "float32x4")
        read = Cell(splat(0.0), "float32x4")
        for row, olds in owned.fours():
            query, key = (hold(inputs[start + row], "float32x4") for start in (0, key_quads))
            if parts == 1:
                q_squares.add(dot(query, query))
            for i, old in enumerate(olds):
                new = hold(old * T.broadcast(step, 4) + delta * T.broadcast(lane(key, i), 4), "float32x4")
                owned.put(row * 4 + i, new)
                read.add(new * T.broadcast(lane(query, i), 4))
        q_norm = hold(T.rsqrt(q_squares.get() + const(L2_EPS)) * const(s.key_size**-0.5))
        output = hold(_fold(read, thread, quad, lanes, parts) * T.broadcast(q_norm, 4), "float32x4")
        squares = shared(lanes)
        with when(part == 0):
            store(squares, quad, dot(output, output))
        barrier()
        mean = sum_over(squares, lanes) / const(float(s.value_size))
        with when(part == 0):
            column = head * s.value_size + quad * 4
            z = hold(projected.four(0, Four(s.channels + column, s.value_size - quad * 4)), "float32x4")
            normed = output * T.broadcast(hold(T.rsqrt(mean + const(eps))), 4) * norm.four(0, quad)
            y.put(0, head, quad, normed * silu_four(z))
    return k.finish()


def _convolved(conv: Rows, ring: Channels, position: Expr, four: Four, new: Expr, taps: int) -> Expr:
    """silu of the convolution, of which `new` is the last tap."""
    window = [
        hold(
            T.if_then_else(position >= back, ring.four((position + (taps - back)) % taps, four), splat(0.0)),
            "float32x4",
        )
        for back in range(taps - 1, 0, -1)
    ]
    window += [new] + [splat(0.0)] * (-taps % 4)
    totals = []
    for i in range(4):
        channel = four.first + T.min(i, four.count - 1)
        inputs = [lane(each, i) for each in window]
        fours = [T.Shuffle(inputs[at : at + 4], [0, 1, 2, 3]) for at in range(0, len(inputs), 4)]
        total = hold(sum((dot(x, conv.four(channel, at)) for at, x in enumerate(fours)), start=const(0.0)))
        totals.append(silu(total))
    return T.Shuffle(totals, [0, 1, 2, 3])


class _Owned:
    """The rows of a head's state, in four columns, that a thread works on: every `parts`-th four of them."""

    def __init__(self, state: Heads, head: Expr, quad: Expr, part: Expr, parts: int, position: Expr) -> None:
        self._state, self._head, self._quad, self._position = state, head, quad, position
        self._part, self._parts, self._count = part, parts, -(-state.heads // 4)
        self._turns = -(-self._count // parts)
        self._held: list[list[Expr]] = []
        if parts > 1 and 4 * self._turns <= MOST_HELD:
            self._held = [self._read(T.min(self._four(j), self._count - 1)) for j in range(self._turns)]

    def fours(self) -> Iterator[tuple[Expr, list[Expr]]]:
        """Each four's number and what its rows held before the token."""
        if self._held:
            for j, olds in enumerate(self._held):
                with when(self._four(j) < self._count):
                    yield self._four(j), olds
        else:
            with loop(self._turns) as j, when(self._four(j) < self._count):
                yield self._four(j), self._read(self._four(j))

    def put(self, row: Expr, value: Expr) -> None:
        """What a row holds from now on."""
        with when(row < self._state.heads) if self._state.heads % 4 else nullcontext():
            self._state.put(self._head, row, self._quad, value)

    def _four(self, j: Expr) -> Expr:
        return self._part + j * self._parts

    def _read(self, four: Expr) -> list[Expr]:
        # At position 0 the state is whatever the last conversation left; only a select forgets a NaN.
        rows = [
            four * 4 + i if self._state.heads % 4 == 0 else T.min(four * 4 + i, self._state.heads - 1) for i in range(4)
        ]
        olds = [self._state.four(self._head, row, self._quad) for row in rows]
        return [hold(T.if_then_else(self._position > 0, old, splat(0.0)), "float32x4") for old in olds]


def _fold(total: Cell, thread: Expr, quad: Expr, lanes: int, parts: int) -> Expr:
    """The sum over the threads that share columns."""
    if parts == 1:
        return total.get()
    partial = shared(lanes * parts, "float32x4")
    store(partial, thread, total.get())
    barrier()
    return hold(sum((partial[part * lanes + quad] for part in range(parts)), start=splat(0.0)), "float32x4")


def _squares(fours: Buffer, start: int, count: int, parts: int) -> Cell:
    """The sum of squares of a part of workgroup memory, computed by each thread for itself; nothing yet for one that is
    alone, and so comes by all of them later."""
    total = Cell(const(0.0))
    if parts > 1:
        with loop(count) as i:
            four = hold(fours[start + i], "float32x4")
            total.add(dot(four, four))
    return total
