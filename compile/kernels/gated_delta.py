"""The gated delta rule (Yang et al. 2024, "Gated Delta Networks"): the recurrent half of Qwen 3.5.

Per value head with state S [dk, dv], after a causal convolution of width W and silu over q, k and v:

    q = l2(q) / sqrt(dk), k = l2(k), beta = sigmoid(b), g = decay · softplus(a + dt_bias)   (decay = -exp(A_log))
    S = e^g · S; S = S + k (beta · (v - Sᵀ k))ᵀ; o = Sᵀ q; y = rms_norm(o) · norm · silu(z)

The columns of S do not meet: a thread owns one (or several, on software adapters, where reading k and q once for all
of them is what counts), and q, k, beta and g are the same for all.

Decode is one launch, `gated_delta_step`: a workgroup per value head does the convolution, the rule, the norm and the
gate. Prefill is four launches for a whole chunk, never one per token: `causal_conv` (a thread per channel),
`delta_gates` (a thread per token and head), `delta_scan` (a thread per column keeps it in registers over all tokens)
and `gated_norm`.

The convolution's state is a ring of W columns: token t lies in column t mod W. A step reads the columns of the W-1
tokens before it and writes its own, which nobody reads in that step; so workgroups that share a key head cannot race.
State from before position 0 is read as zero: starting over needs no clearing.

Rows of `projected` are q | k | v | z, widths Hk·dk, Hk·dk, Hv·dv, Hv·dv; rows of `gates` are b | a, widths Hv, Hv.
"""

# T tokens, C channels (q, k and v), W taps of the convolution, Hk key heads, Hv value heads, dk, dv head sizes

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from ..shapes import DeltaShape
from ..tuning import Tuning
from .common import (
    Buffer,
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
    PerTokens,
    barrier,
    cast,
    const,
    f32,
    hold,
    let,
    loop,
    registers,
    shared,
    sigmoid,
    silu,
    softplus,
    square_sum_over,
    store,
    strided,
    sum_over,
    when,
)

F64 = NDArray[np.float64]

L2_EPS = 1e-6  # of the reference implementation; not in the config
MAX_THREADS = 256
SCAN_THREADS = 32  # columns of a workgroup of `delta_scan`


def reference(
    shape: DeltaShape,
    projected: F64,
    gates: F64,
    conv: F64,
    decay: F64,
    dt_bias: F64,
    norm: F64,
    eps: float,
    past: F64,
    state: F64,
) -> tuple[F64, F64]:
    """The definition: projected [T, q|k|v|z], gates [T, b|a], conv [C, W], past [W-1, C] (the columns before),
    state [Hv, dk, dv]; gives back y [T, Hv·dv] and the new state."""
    s, count = shape, len(projected)
    inputs = np.concatenate([past, projected[:, : s.channels]])
    convolved = sum(inputs[j : j + count] * conv[:, j] for j in range(s.taps))
    convolved = convolved / (1 + np.exp(-convolved))
    q = convolved[:, : s.keys].reshape(count, s.key_heads, s.key_size)
    k = convolved[:, s.keys : 2 * s.keys].reshape(count, s.key_heads, s.key_size)
    v = convolved[:, 2 * s.keys :].reshape(count, s.value_heads, s.value_size)
    z = projected[:, s.channels :].reshape(v.shape)
    q = q / np.sqrt((q * q).sum(-1, keepdims=True) + L2_EPS) / np.sqrt(s.key_size)
    k = k / np.sqrt((k * k).sum(-1, keepdims=True) + L2_EPS)
    beta = 1 / (1 + np.exp(-gates[:, : s.value_heads]))
    g = decay * np.log1p(np.exp(gates[:, s.value_heads :] + dt_bias))
    new, y = state.copy(), np.zeros(v.shape)
    for t in range(count):
        for head in range(s.value_heads):
            of = head * s.key_heads // s.value_heads
            new[head] *= np.exp(g[t, head])
            new[head] += np.outer(k[t, of], beta[t, head] * (v[t, head] - new[head].T @ k[t, of]))
            o = new[head].T @ q[t, of]
            gate = z[t, head] / (1 + np.exp(-z[t, head]))
            y[t, head] = o / np.sqrt(np.mean(o * o) + eps) * norm * gate
    return y.reshape(count, -1), new


def _tap(ring: Buffer, position: Expr, back: int, taps: int, channel: Expr) -> Expr:
    """The input of `channel` `back` tokens before `position`, zero from before the beginning."""
    column = (position + (taps - back)) % taps
    return T.if_then_else(position >= back, ring[column, channel], const(0.0))


@cache
def gated_delta_step(shape: DeltaShape, *, tuning: Tuning, act: str, eps: float) -> Kernel:
    """Decode. Buffers: projected [q|k|v|z], gates [b|a] f32, conv [C, W], decay_dt [2, Hv], norm [dv],
    ring [W, C] f32, state [Hv, dk, dv] f32, y [Hv·dv]."""
    s = shape
    threads = min(MAX_THREADS, max(8, -(-max(s.key_size, s.value_size) // (8 * tuning.columns)) * 8))
    k = KernelBuilder(f"gated_delta_step_{s.name}_{act}_{tuning.name}", (s.value_heads, 1), threads)
    projected = k.buffer("projected", (s.projected,), act)
    gates = k.buffer("gates", (2 * s.value_heads,), "float32")
    conv = k.buffer("conv", (s.channels, s.taps), "float32")
    decay_dt = k.buffer("decay_dt", (2, s.value_heads), "float32")
    norm = k.buffer("norm", (s.value_size,), "float32")
    ring = k.buffer("ring", (s.taps, s.channels), "float32")
    state = k.buffer("state", (s.value_heads, s.key_size, s.value_size), "float32")
    y = k.buffer("y", (s.values,), act)
    position = k.scalar("position")

    def convolve(channel: Expr) -> Expr:
        taps = [_tap(ring, position, s.taps - 1 - j, s.taps, channel) for j in range(s.taps - 1)]
        taps.append(f32(projected[channel]))
        total = sum((tap * conv[channel, j] for j, tap in enumerate(taps)), start=const(0.0))
        return silu(hold(total))

    with k.threads() as (head, _, thread):
        key_head = let(head * s.key_heads // s.value_heads)
        per_key = s.value_heads // s.key_heads
        queries, keys, outputs = shared(s.key_size), shared(s.key_size), shared(s.value_size)
        with strided(thread, s.key_size, threads) as i:
            for part, into in ((0, queries), (s.keys, keys)):
                channel = let(part + key_head * s.key_size + i)
                store(into, i, convolve(channel))
                with when(head == key_head * per_key):
                    store(ring, (position % s.taps, channel), f32(projected[channel]))
        barrier()
        q_scale = hold(T.rsqrt(square_sum_over(queries, s.key_size) + const(L2_EPS)) * const(s.key_size**-0.5))
        k_scale = hold(T.rsqrt(square_sum_over(keys, s.key_size) + const(L2_EPS)))
        beta = hold(sigmoid(gates[head]))
        step = T.exp(decay_dt[0, head] * softplus(gates[s.value_heads + head] + decay_dt[1, head]))
        # At position 0 the state is whatever the last conversation left: a factor of zero forgets it, but only a
        # select forgets a NaN.
        kept = hold(T.if_then_else(position > 0, step, const(0.0)))
        columns = [let(thread + j * threads) for j in range(-(-s.value_size // threads))]
        inside = [T.min(column, s.value_size - 1) if s.value_size % threads else column for column in columns]
        recalled = [Cell(const(0.0)) for _ in columns]
        with loop(s.key_size) as i:
            key = hold(keys[i])
            for total, column in zip(recalled, inside, strict=True):
                total.add(state[head, i, column] * key)
        deltas = []
        for total, column in zip(recalled, inside, strict=True):
            value = hold(convolve(2 * s.keys + head * s.value_size + column))
            known = hold(T.if_then_else(position > 0, kept * k_scale * total.get(), const(0.0)))
            deltas.append(hold(beta * k_scale * (value - known)))
        reads = [Cell(const(0.0)) for _ in columns]
        with loop(s.key_size) as i:
            key, query = hold(keys[i]), hold(queries[i])
            for read, delta, column, at in zip(reads, deltas, columns, inside, strict=True):
                old = T.if_then_else(position > 0, kept * state[head, i, at], const(0.0))
                new = hold(old + key * delta)
                with _only(column < s.value_size, needed=s.value_size % threads != 0):
                    store(state, (head, i, column), new)
                read.add(new * query)
        for read, column in zip(reads, columns, strict=True):
            with _only(column < s.value_size, needed=s.value_size % threads != 0):
                channel = let(2 * s.keys + head * s.value_size + column)
                store(ring, (position % s.taps, channel), f32(projected[channel]))
                store(outputs, column, read.get() * q_scale)
        barrier()
        inverse = hold(T.rsqrt(square_sum_over(outputs, s.value_size) / const(float(s.value_size)) + const(eps)))
        with strided(thread, s.value_size, threads) as column:
            at = let(head * s.value_size + column)
            z = hold(f32(projected[s.channels + at]))
            store(y, at, cast(outputs[column] * inverse * norm[column] * silu(z), act))
    return k.finish()


@contextmanager
def _only(condition: Expr, *, needed: bool) -> Iterator[None]:
    """`when`, where the sizes leave it any work."""
    if needed:
        with when(condition):
            yield
    else:
        yield


@cache
def causal_conv(shape: DeltaShape, *, chunk: int, act: str) -> Kernel:
    """Prefill. Buffers: projected [chunk, q|k|v|z], conv [C, W], ring [W, C] f32, convolved [chunk, C]."""
    s = shape
    k = KernelBuilder(f"causal_conv_{s.name}_{act}", (-(-s.channels // 64), 1), 64)
    projected = k.buffer("projected", (chunk, s.projected), act)
    conv = k.buffer("conv", (s.channels, s.taps), "float32")
    ring = k.buffer("ring", (s.taps, s.channels), "float32")
    convolved = k.buffer("convolved", (chunk, s.channels), act)
    position, tokens = k.scalar("position"), k.scalar("tokens")
    with k.threads() as (block, _, thread):
        channel = let(block * 64 + thread)
        with when(channel < s.channels):
            window = [Cell(_tap(ring, position, s.taps - 1 - j, s.taps, channel)) for j in range(s.taps - 1)]
            window.append(Cell(const(0.0)))
            with loop(tokens) as token:
                window[-1].set(f32(projected[token, channel]))
                total = sum((tap.get() * conv[channel, j] for j, tap in enumerate(window)), start=const(0.0))
                store(convolved, (token, channel), cast(silu(hold(total)), act))
                for tap, following in pairwise(window):
                    tap.set(following.get())
            for back in range(1, s.taps):
                with when(position + tokens >= back):
                    store(ring, ((position + tokens - back) % s.taps, channel), window[s.taps - 1 - back].get())
    return k.finish()


@cache
def delta_gates(shape: DeltaShape, *, chunk: int, act: str) -> Kernel:
    """Prefill. Buffers: convolved [chunk, C], gates [chunk, b|a] f32, decay_dt [2, Hv], factors [chunk, Hv, 4] f32:
    what q is scaled by, what k is scaled by, beta, e^g."""
    s = shape
    k = KernelBuilder(f"delta_gates_{s.name}_{act}", (PerTokens(), -(-s.value_heads // 32)), 32)
    convolved = k.buffer("convolved", (chunk, s.channels), act)
    gates = k.buffer("gates", (chunk, 2 * s.value_heads), "float32")
    decay_dt = k.buffer("decay_dt", (2, s.value_heads), "float32")
    factors = k.buffer("factors", (chunk, s.value_heads, 4), "float32")
    with k.threads() as (token, block, thread):
        head = let(block * 32 + thread)
        with when(head < s.value_heads):
            first = let(head * s.key_heads // s.value_heads * s.key_size)
            for slot, part in enumerate((0, s.keys)):
                squares = Cell(const(0.0))
                with loop(s.key_size) as i:
                    value = f32(convolved[token, part + first + i])
                    squares.add(value * value)
                scale = T.rsqrt(squares.get() + const(L2_EPS))
                store(factors, (token, head, slot), scale * const(s.key_size**-0.5) if slot == 0 else scale)
            store(factors, (token, head, 2), sigmoid(gates[token, head]))
            rate = hold(softplus(gates[token, s.value_heads + head] + decay_dt[1, head]))
            store(factors, (token, head, 3), T.exp(decay_dt[0, head] * rate))
    return k.finish()


@cache
def delta_scan(shape: DeltaShape, *, tuning: Tuning, chunk: int, act: str) -> Kernel:
    """Prefill. Buffers: convolved [chunk, C], factors [chunk, Hv, 4] f32, state [Hv, dk, dv] f32,
    outputs [chunk, Hv·dv] f32."""
    s, threads, count = shape, SCAN_THREADS // tuning.columns, tuning.columns
    grid = (s.value_heads, -(-s.value_size // SCAN_THREADS))
    k = KernelBuilder(f"delta_scan_{s.name}_{act}_{tuning.name}", grid, threads)
    convolved = k.buffer("convolved", (chunk, s.channels), act)
    factors = k.buffer("factors", (chunk, s.value_heads, 4), "float32")
    state = k.buffer("state", (s.value_heads, s.key_size, s.value_size), "float32")
    outputs = k.buffer("outputs", (chunk, s.values), "float32")
    position, tokens = k.scalar("position"), k.scalar("tokens")
    partly = s.value_size % SCAN_THREADS != 0
    with k.threads() as (head, block, thread):
        columns = [let(block * SCAN_THREADS + j * threads + thread) for j in range(count)]
        inside = [T.min(column, s.value_size - 1) if partly else column for column in columns]
        first = let(head * s.key_heads // s.value_heads * s.key_size)
        kept = registers(s.key_size * count)
        with loop(s.key_size) as i:
            for j, column in enumerate(inside):
                old = T.if_then_else(position > 0, state[head, i, column], const(0.0))
                store(kept, i * count + j, old)
        with loop(tokens) as token:
            q_scale, k_scale, beta, step = (hold(factors[token, head, slot]) for slot in range(4))
            recalled = [Cell(const(0.0)) for _ in columns]
            with loop(s.key_size) as i:
                key = hold(f32(convolved[token, s.keys + first + i]))
                for j, total in enumerate(recalled):
                    total.add(kept[i * count + j] * key)
            deltas = []
            for total, column in zip(recalled, inside, strict=True):
                value = f32(convolved[token, 2 * s.keys + head * s.value_size + column])
                deltas.append(hold(beta * k_scale * (value - step * k_scale * total.get())))
            reads = [Cell(const(0.0)) for _ in columns]
            with loop(s.key_size) as i:
                key = hold(f32(convolved[token, s.keys + first + i]))
                query = hold(f32(convolved[token, first + i]))
                for j, (read, delta) in enumerate(zip(reads, deltas, strict=True)):
                    new = hold(step * kept[i * count + j] + key * delta)
                    store(kept, i * count + j, new)
                    read.add(new * query)
            for read, column in zip(reads, columns, strict=True):
                with _only(column < s.value_size, needed=partly):
                    store(outputs, (token, head * s.value_size + column), read.get() * q_scale)
        with loop(s.key_size) as i:
            for j, column in enumerate(columns):
                with _only(column < s.value_size, needed=partly):
                    store(state, (head, i, column), kept[i * count + j])
    return k.finish()


@cache
def gated_norm(shape: DeltaShape, *, chunk: int, act: str, eps: float) -> Kernel:
    """Prefill. Buffers: outputs [chunk, Hv·dv] f32, projected [chunk, q|k|v|z], norm [dv], y [chunk, Hv·dv]."""
    s = shape
    threads = 64
    k = KernelBuilder(f"gated_norm_{s.name}_{act}", (PerTokens(), s.value_heads), threads)
    outputs = k.buffer("outputs", (chunk, s.values), "float32")
    projected = k.buffer("projected", (chunk, s.projected), act)
    norm = k.buffer("norm", (s.value_size,), "float32")
    y = k.buffer("y", (chunk, s.values), act)
    with k.threads() as (token, head, thread):
        squares = Cell(const(0.0))
        with strided(thread, s.value_size, threads) as i:
            squares.add(outputs[token, head * s.value_size + i] * outputs[token, head * s.value_size + i])
        partial = shared(threads)
        store(partial, thread, squares.get())
        barrier()
        inverse = hold(T.rsqrt(sum_over(partial, threads) / const(float(s.value_size)) + const(eps)))
        with strided(thread, s.value_size, threads) as i:
            at = let(head * s.value_size + i)
            z = hold(f32(projected[token, s.channels + at]))
            store(y, (token, at), cast(outputs[token, at] * inverse * norm[i] * silu(z), act))
    return k.finish()
