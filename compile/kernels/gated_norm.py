"""What follows the gated delta rule in prefill: y = rms_norm(o) · norm · silu(z), for each token and value head.

A workgroup per token and head. Every thread adds up the partial squares of all: on software adapters, where that
counts, few threads share a head: 128 tokens and 16 heads of 128 took lavapipe 10.2 ms with 64 threads, 2.3 with 8;
SwiftShader 96 and 5.9.
"""

# T tokens, Hv value heads, dv value size

from functools import cache

from tvm.tirx.script import builder as T

from ..shapes import DeltaShape
from ..tuning import Tuning
from .common import (
    Cell,
    Kernel,
    KernelBuilder,
    PerTokens,
    barrier,
    cast,
    const,
    f32,
    hold,
    let,
    shared,
    silu,
    store,
    strided,
    sum_over,
)


@cache
def gated_norm(shape: DeltaShape, *, tuning: Tuning, chunk: int, act: str, eps: float) -> Kernel:
    """Buffers: outputs [chunk, Hv·dv] f32, projected [chunk, q|k|v|z], norm [dv], y [chunk, Hv·dv]."""
    s, threads = shape, 32 if tuning.tiled else 8
    k = KernelBuilder(f"gated_norm_{s.name}_{act}_{tuning.name}", (PerTokens(), s.value_heads), threads)
    outputs = k.buffer("outputs", (chunk, s.values), "float32")
    projected = k.buffer("projected", (chunk, s.projected), act)
    norm = k.buffer("norm", (s.value_size,), "float32")
    y = k.buffer("y", (chunk, s.values), act)
    with k.threads() as (token, head, thread):
        squares = Cell(const(0.0))
        with strided(thread, s.value_size, threads) as i:
            value = hold(outputs[token, head * s.value_size + i])
            squares.add(value * value)
        partial = shared(threads)
        store(partial, thread, squares.get())
        barrier()
        inverse = hold(T.rsqrt(sum_over(partial, threads) / const(float(s.value_size)) + const(eps)))
        with strided(thread, s.value_size, threads) as i:
            at = let(head * s.value_size + i)
            z = hold(f32(projected[token, s.channels + at]))
            store(y, (token, at), cast(outputs[token, at] * inverse * norm[i] * silu(z), act))
    return k.finish()
