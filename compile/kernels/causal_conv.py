"""The convolution in front of the gated delta rule, and its silu, for a chunk of tokens.

The convolution's state is a ring of W columns: token t lies in column t mod W. Decode reads the columns of the W-1
tokens before its own and writes its own, which nobody reads in that step; so workgroups that share a key head cannot
race. In prefill the ring as it was after the first `keep_at` tokens of the chunk is written down as well, unless that
is 0. There a thread owns a channel and 16 tokens, and only the first such thread of a channel touches the ring:
the inputs of the others are all in the chunk. So the threads grow with the chunk: 6144 channels and 512 tokens have
196,608, not 6144. Measured with 128 tokens, a thread per channel and so: lavapipe 5.2 ms and 4.0, SwiftShader 15, 31.
"""

# T tokens, C channels (q, k and v), W taps

from functools import cache
from itertools import pairwise

from tvm.tirx.script import builder as T

from ..extent import PerTokens
from ..shapes import DeltaShape
from .common import (
    Buffer,
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
    cast,
    const,
    f32,
    hold,
    let,
    loop,
    silu,
    store,
    when,
)

THREADS = 64
TOKENS = 16  # of a thread; at least W - 1


def tap(ring: Buffer, position: Expr, back: int, taps: int, channel: Expr) -> Expr:
    """The input of `channel` `back` tokens before `position`, zero from before the beginning."""
    column = (position + (taps - back)) % taps
    return T.if_then_else(position >= back, ring[column, channel], const(0.0))


@cache
def causal_conv(shape: DeltaShape, *, chunk: int, act: str) -> Kernel:
    """Buffers: projected [chunk, q|k|v|z], conv [C, W], ring and ring_kept [W, C] f32; queries_keys [chunk, q|k],
    values [chunk, v], written."""
    s = shape
    grid = (-(-s.channels // THREADS), PerTokens(TOKENS))
    k = KernelBuilder(f"causal_conv_{s.name}_{act}", grid, THREADS)
    projected = k.buffer("projected", (chunk, s.projected), act)
    conv = k.buffer("conv", (s.channels, s.taps), "float32")
    ring, ring_kept = (k.buffer(name, (s.taps, s.channels), "float32") for name in ("ring", "ring_kept"))
    queries_keys = k.buffer("queries_keys", (chunk, 2 * s.keys), act)
    values = k.buffer("values", (chunk, s.values), act)
    position, tokens, keep_at = k.scalar("position"), k.scalar("tokens"), k.scalar("keep_at")
    with k.threads() as (block, tile, thread):
        channel, first = let(block * THREADS + thread), let(tile * TOKENS)
        with when(channel < s.channels):
            window = []
            for back in range(s.taps - 1, 0, -1):
                earlier = f32(projected[T.max(first - back, 0), channel])
                window.append(Cell(T.if_then_else(tile == 0, tap(ring, position, back, s.taps, channel), earlier)))
            window.append(Cell(const(0.0)))
            weights = [hold(conv[channel, j]) for j in range(s.taps)]
            with loop(T.min(tokens - first, TOKENS)) as i:
                token = let(first + i)
                window[-1].set(f32(projected[token, channel]))
                total = sum((each.get() * weight for each, weight in zip(window, weights, strict=True)), const(0.0))
                convolved = hold(cast(silu(hold(total)), act), act)
                with T.If(channel < 2 * s.keys):
                    with T.Then():
                        store(queries_keys, (token, channel), convolved)
                    with T.Else():
                        store(values, (token, channel - 2 * s.keys), convolved)
                for each, following in pairwise(window):
                    each.set(following.get())
            with when(tile == 0):
                with when(keep_at > 0):
                    for back in range(1, s.taps):
                        own = f32(projected[T.max(keep_at - back, 0), channel])
                        before = tap(ring, position, T.max(back - keep_at, 1), s.taps, channel)
                        column = (position + keep_at - back + s.taps) % s.taps
                        store(ring_kept, (column, channel), T.if_then_else(keep_at >= back, own, before))
                for back in range(1, s.taps):
                    with when(tokens >= back):
                        last = f32(projected[tokens - back, channel])
                        store(ring, ((position + tokens - back) % s.taps, channel), last)
    return k.finish()
