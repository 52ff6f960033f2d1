"""How the logits lie below the largest one: for each block of ids, the tokens and their weight in each of 32 bins.

`find_range` gives the largest and the smallest logit of a part of the vocabulary; `spread` divides what lies between
them into bins (sample_words.py). WebGPU has atomics, but TVM does not write them: so each thread counts for itself,
in a column of workgroup memory of its own, and the columns are added at the end.

The bins end where no cut-off can lie any more; the last one holds everything further down. That is where a token's
weight is too small for an f32, and with top-p alone earlier: the tokens behind its cut-off, at most V of them and none
likelier than the one at the cut-off, have the share 1 - p together, so the logit there is at most T · ln(V / (1 - p))
below the largest.

Versions tried: 64 bins and 32 threads are no faster on lavapipe, and SwiftShader compiles them in 2.7 s instead of
0.7: it writes a store for every word of workgroup memory.
"""

# V vocabulary, P workgroups of find_range, B blocks

from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from .common import (
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
    barrier,
    const,
    hold,
    let,
    loop,
    loop_by,
    shared,
    store,
    strided,
    unsynchronised,
    when,
)
from .sample_greedy import THREADS, each_logit, peaks
from .sample_words import BINS, BLOCK_THREADS, LARGEST, Frame, Logits, bin_of, block_size, blocks, finite, u32, weight

F64 = NDArray[np.float64]

WEIGHTLESS = 104.0  # e^-104 is nothing in f32
MASKED_BELOW = -1e29  # what lies here was masked and says nothing about the range
STEPS = BINS - 2.1  # of the bins but the last, so that rounding never puts the smallest logit into the last one


def reference_bins(logits: F64, span: float) -> NDArray[np.int64]:
    """The definition: each token's bin."""
    highest, scale = float(logits.max()), STEPS / span
    return np.asarray(np.minimum(np.floor(highest * scale) - np.floor(logits * scale), BINS - 1), np.int64)


def reference_span(logits: F64, temperature: float | None, top_p: float = 1.0) -> float:
    """How far below the largest logit the bins reach, with no top-k; without a temperature to the smallest logit."""
    shown = logits[logits > MASKED_BELOW]
    span = float(logits.max() - shown.min()) if len(shown) else 0.0
    if temperature is not None:
        span = min(span, WEIGHTLESS * temperature)
        if top_p < 1:
            span = min(span, temperature * float(np.log(len(logits) / (1 - top_p))))
    return max(span, abs(float(logits.max())) * 2**-16, 1e-6)


@cache
def find_range(vocabulary: int, *, together: int) -> Kernel:
    """Buffers: logits [V], highs [P], lows [P] f32."""
    count = peaks(vocabulary)
    k = KernelBuilder(f"find_range_{vocabulary}", (count, 1), THREADS)
    logits = Logits(k, vocabulary)
    highs = k.buffer("highs", (count,), "float32")
    lows = k.buffer("lows", (count,), "float32")
    with k.threads() as (block, _, thread):
        high, low = Cell(const(-LARGEST)), Cell(const(LARGEST))

        def take(logit: Expr, _: Expr) -> None:
            value = finite(logit)
            high.set(T.max(high.get(), value))
            with when(value > const(MASKED_BELOW)):
                low.set(T.min(low.get(), value))

        each_logit(logits, count, block, thread, take, together=together)
        each_high, each_low = shared(THREADS), shared(THREADS)
        store(each_high, thread, high.get())
        store(each_low, thread, low.get())
        barrier()
        with when(thread == 0):
            with loop(THREADS) as i:
                high.set(T.max(high.get(), each_high[i]))
                low.set(T.min(low.get(), each_low[i]))
            store(highs, block, high.get())
            store(lows, block, low.get())
    return k.finish()


@cache
def spread(vocabulary: int, *, tempered: bool, together: int) -> Kernel:
    """Buffers: logits [V], highs [P], lows [P], counts [B, 32] u32, weights [B, 32] f32, frame [3] f32 (Frame). Not
    tempered: at temperature 1, and with bins for the whole range of the logits."""
    count, size = blocks(vocabulary), block_size(vocabulary)
    name = "spread" if tempered else "spread_untempered"
    k = KernelBuilder(f"{name}_{vocabulary}", (count, 1), BLOCK_THREADS)
    logits = Logits(k, vocabulary)
    highs = k.buffer("highs", (peaks(vocabulary),), "float32")
    lows = k.buffer("lows", (peaks(vocabulary),), "float32")
    counts = k.buffer("counts", (count * BINS,), "uint32")
    weights = k.buffer("weights", (count * BINS,), "float32")
    frame = k.buffer("frame", (len(Frame),), "float32")
    temperature = k.scalar("temperature") if tempered else const(1.0)
    top_k, top_p = (k.scalar("top_k"), k.scalar("top_p")) if tempered else (const(0, "int32"), const(1.0))
    with k.threads() as (block, _, thread):
        high, low = Cell(const(-LARGEST)), Cell(const(LARGEST))
        with loop_by(together, peaks(vocabulary)) as turns:
            for found_high, found_low in [(hold(highs[i]), hold(lows[i])) for i in turns]:
                high.set(T.max(high.get(), found_high))
                low.set(T.min(low.get(), found_low))
        span = Cell(T.max(high.get() - low.get(), const(0.0)))
        if tempered:
            span.set(T.min(span.get(), temperature * const(WEIGHTLESS)))
            with when(T.And(top_p < const(1.0), T.Or(top_k <= 0, top_k >= vocabulary))):
                left_over = T.max(const(1.0) - top_p, const(1e-8))
                span.set(T.min(span.get(), temperature * T.log(const(float(vocabulary)) / left_over)))
        span.set(T.max(T.max(span.get(), T.abs(high.get()) * const(2.0**-16)), const(1e-6)))
        scale = hold(const(STEPS) / span.get())
        highest = high.get()
        per_temperature = hold(const(1.0) / temperature)
        with when(T.And(block == 0, thread == 0)):
            store(frame, int(Frame.HIGHEST), highest)
            store(frame, int(Frame.LOWEST), T.min(low.get(), highest))
            store(frame, int(Frame.SCALE), scale)
        own_counts = unsynchronised(BINS * BLOCK_THREADS, "uint32")
        own_weights = unsynchronised(BINS * BLOCK_THREADS)
        with loop(BINS) as i:
            store(own_counts, i * BLOCK_THREADS + thread, u32(0))
            store(own_weights, i * BLOCK_THREADS + thread, const(0.0))

        def take(logit: Expr, _: Expr) -> None:
            value = finite(logit)
            column = let(bin_of(value, highest, scale) * BLOCK_THREADS + thread)
            store(own_counts, column, own_counts[column] + u32(1))
            store(own_weights, column, own_weights[column] + weight(value, highest, per_temperature))

        with loop_by(together, -(-size // (4 * BLOCK_THREADS)), past_end=True) as turns:
            within = [let(i * BLOCK_THREADS + thread) for i in turns]
            places = [(i, let(block * (size // 4) + i)) for i in within]
            logits.each([(at, T.And(i < size // 4, at < logits.fours)) for i, at in places], take)
        barrier()
        with strided(thread, BINS, BLOCK_THREADS) as i:
            tokens, mass = Cell(u32(0), "uint32"), Cell(const(0.0))
            with loop(BLOCK_THREADS) as j:
                # Neighbouring threads begin at neighbouring columns, and so in different banks of the memory.
                column = let(i * BLOCK_THREADS + T.bitwise_and(j + thread, const(BLOCK_THREADS - 1, "int32")))
                tokens.add(own_counts[column])
                mass.add(own_weights[column])
            store(counts, block * BINS + i, tokens.get())
            store(weights, block * BINS + i, mass.get())
    return k.finish()
