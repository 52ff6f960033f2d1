"""The likeliest token: argmax(logits), the smallest id where several are likeliest.

`find_peaks` spreads the vocabulary over workgroups and keeps each one's largest logit; `take_peak` finishes. A logit
that is NaN is never larger than another, so it is passed over. Versions tried, for 248,320 logits: workgroups of 256
threads, 0.52 ms on lavapipe and 16 on SwiftShader, where each thread that meets a barrier is dear; of 64 threads, 0.32
and 3.2; of 64 that read four logits at once, 0.24 and 2.4.
"""

# V vocabulary, P workgroups of find_peaks

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from .common import (
    MASKED,
    Buffer,
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
    barrier,
    cast,
    const,
    hold,
    let,
    loop_by,
    shared,
    store,
    when,
)
from .sample_words import Logits

THREADS = 64
MOST_PEAKS = 64


def reference(logits: NDArray[np.float64]) -> int:
    """The definition."""
    return int(logits.argmax())


def peaks(vocabulary: int) -> int:
    """Workgroups that the vocabulary is spread over: at least eight logits for each thread."""
    return max(1, min(MOST_PEAKS, vocabulary // (8 * THREADS)))


def each_logit(
    logits: Logits, count: int, block: Expr, thread: Expr, take: Callable[[Expr, Expr], None], *, together: int
) -> None:
    """Takes all logits with their ids, in turns of all threads of all `count` workgroups."""
    with loop_by(together, -(-logits.fours // (count * THREADS)), past_end=True) as turns:
        places = [let((i * count + block) * THREADS + thread) for i in turns]
        logits.each([(at, at < logits.fours) for at in places], take)


@cache
def find_peaks(vocabulary: int, *, together: int) -> Kernel:
    """Buffers: logits [V], peak_values [P] f32, peak_ids [P] i32."""
    count = peaks(vocabulary)
    k = KernelBuilder(f"find_peaks_{vocabulary}", (count, 1), THREADS)
    logits = Logits(k, vocabulary)
    peak_values = k.buffer("peak_values", (count,), "float32")
    peak_ids = k.buffer("peak_ids", (count,), "int32")
    with k.threads() as (block, _, thread):
        best, best_id = Cell(const(MASKED)), Cell(const(0, "int32"), "int32")

        def take(value: Expr, at: Expr) -> None:
            with when(value > best.get()):
                best.set(value)
                best_id.set(at)

        each_logit(logits, count, block, thread, take, together=together)
        values, ids = shared(THREADS), shared(THREADS, "int32")
        store(values, thread, best.get())
        store(ids, thread, best_id.get())
        barrier()
        with when(thread == 0):
            _keep_best(values, ids, THREADS, best, best_id, together)
            store(peak_values, block, best.get())
            store(peak_ids, block, best_id.get())
    return k.finish()


@cache
def take_peak(vocabulary: int, *, chunk: int, together: int) -> Kernel:
    """Buffers: peak_values [P], peak_ids [P], tokens [chunk] u32 of which the first is written."""
    count = peaks(vocabulary)
    k = KernelBuilder(f"take_peak_{vocabulary}", (1, 1), 1)
    peak_values = k.buffer("peak_values", (count,), "float32")
    peak_ids = k.buffer("peak_ids", (count,), "int32")
    tokens = k.buffer("tokens", (chunk,), "uint32")
    with k.threads():
        best, best_id = Cell(const(MASKED)), Cell(const(0, "int32"), "int32")
        _keep_best(peak_values, peak_ids, count, best, best_id, together)
        store(tokens, 0, cast(best_id.get(), "uint32"))
    return k.finish()


def _keep_best(values: Buffer, ids: Buffer, count: int, best: Cell, best_id: Cell, together: int) -> None:
    """The largest value and its id; the smallest id where values are equal."""
    with loop_by(together, count) as turns:
        # Before the conditions: TVM takes no shared memory inside of one.
        found = [(hold(values[i]), hold(ids[i], "int32")) for i in turns]
        for value, at in found:
            with when(T.Or(value > best.get(), T.And(value == best.get(), at < best_id.get()))):
                best.set(value)
                best_id.set(at)
