"""Drawing the next token from the logits, wholly on the GPU.

`find_peaks` spreads the vocabulary over workgroups and keeps each one's largest logit; `sample`, one workgroup,
finishes. Greedy needs nothing more. Otherwise the cut-offs of top-k and top-p are found by building, bit by bit from
the top, the largest key whose tail still holds k tokens, or the share p: 32 passes over the logits, never a sort. Keys
are the logits' bits reordered so that unsigned order is numeric order. Ties at a cut-off all stay, as in the reference
implementation. The draw walks the kept tokens in order of their ids.
"""

# V vocabulary, B blocks

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
    loop,
    shared,
    store,
    strided,
    when,
)

F64 = NDArray[np.float64]

THREADS = 256
MOST_BLOCKS = 64


def blocks(vocabulary: int) -> int:
    """Workgroups of `find_peaks`: at least four logits for each thread."""
    return max(1, min(MOST_BLOCKS, vocabulary // (4 * THREADS)))


def reference(logits: F64, temperature: float, top_k: int, top_p: float) -> F64:
    """The definition: the probability of each token. `temperature` 0 gives the likeliest token all of it."""
    if temperature <= 0:
        return np.asarray(np.arange(len(logits)) == logits.argmax(), np.float64)
    weights = np.exp((logits - logits.max()) / temperature)
    if 0 < top_k < len(logits):
        weights[logits < np.sort(logits)[-top_k]] = 0
    if top_p < 1:
        order = np.argsort(-logits, kind="stable")
        enough = int(np.searchsorted(np.cumsum(weights[order]), top_p * weights.sum())) + 1
        weights[logits < logits[order[min(enough, len(order)) - 1]]] = 0
    return np.asarray(weights / weights.sum())


def random_unit(seed: int, position: int) -> float:
    """The draw in [0, 1) for a seed and the position of the token that is drawn: three rounds of PCG's hash."""
    state = seed & 0xFFFFFFFF
    for word in (position, 0x9E3779B9):
        state = _pcg((state + word) & 0xFFFFFFFF)
    return (state >> 8) * 2.0**-24


def _pcg(state: int) -> int:
    state = (state * 747796405 + 2891336453) & 0xFFFFFFFF
    word = (((state >> ((state >> 28) + 4)) ^ state) * 277803737) & 0xFFFFFFFF
    return (word >> 22) ^ word


@cache
def find_peaks(vocabulary: int) -> Kernel:
    """Buffers: logits [V], peak_values [B] f32, peak_ids [B] i32."""
    count = blocks(vocabulary)
    k = KernelBuilder(f"find_peaks_{vocabulary}", (count, 1), THREADS)
    logits = k.buffer("logits", (vocabulary,), "float32")
    peak_values = k.buffer("peak_values", (count,), "float32")
    peak_ids = k.buffer("peak_ids", (count,), "int32")
    with k.threads() as (block, _, thread):
        best, best_id = Cell(const(MASKED)), Cell(const(0, "int32"), "int32")
        with loop(-(-vocabulary // (count * THREADS))) as i:
            at = let((i * count + block) * THREADS + thread)
            with when(at < vocabulary), when(logits[at] > best.get()):
                best.set(logits[at])
                best_id.set(at)
        values, ids = shared(THREADS), shared(THREADS, "int32")
        store(values, thread, best.get())
        store(ids, thread, best_id.get())
        barrier()
        with when(thread == 0):
            _keep_best(values, ids, THREADS, best, best_id)
            store(peak_values, block, best.get())
            store(peak_ids, block, best_id.get())
    return k.finish()


def _keep_best(values: Buffer, ids: Buffer, count: int, best: Cell, best_id: Cell) -> None:
    """The largest value and its id; the smallest id where values are equal."""
    with loop(count) as i:
        value, at = hold(values[i]), hold(ids[i], "int32")  # TVM takes no shared memory inside a condition
        with when(T.Or(value > best.get(), T.And(value == best.get(), at < best_id.get()))):
            best.set(value)
            best_id.set(at)


@cache
def sample(vocabulary: int, *, chunk: int) -> Kernel:
    """Buffers: logits [V], peak_values [B], peak_ids [B], tokens [chunk] u32 of which the first is written."""
    k = KernelBuilder(f"sample_{vocabulary}", (1, 1), THREADS)
    count = blocks(vocabulary)
    logits = k.buffer("logits", (vocabulary,), "float32")
    peak_values = k.buffer("peak_values", (count,), "float32")
    peak_ids = k.buffer("peak_ids", (count,), "int32")
    tokens = k.buffer("tokens", (chunk,), "uint32")
    temperature, top_k, top_p = k.scalar("temperature"), k.scalar("top_k"), k.scalar("top_p")
    at_position = k.scalar("position") + k.scalar("tokens")
    seed = k.scalar("seed")
    share = -(-vocabulary // THREADS)  # tokens that a thread walks

    with k.threads() as (_, _, thread):
        best, best_id = Cell(const(MASKED)), Cell(const(0, "int32"), "int32")
        _keep_best(peak_values, peak_ids, count, best, best_id)
        with when(thread == 0):
            store(tokens, 0, T.Cast("uint32", best_id.get()))
        sums = shared(THREADS)

        def weight(logit: Expr) -> Expr:
            return T.exp((logit - best.get()) / temperature)

        def total(value: Callable[[Expr], Expr], cutoff: Expr) -> Expr:
            """The sum of value(logit) over the tokens whose key is at least `cutoff`, the same in every thread."""
            mine = Cell(const(0.0))
            with strided(thread, vocabulary, THREADS) as i, when(_key(logits[i]) >= cutoff):
                mine.add(value(logits[i]))
            barrier()
            store(sums, thread, mine.get())
            barrier()
            everyone = Cell(const(0.0))
            with loop(THREADS) as i:
                everyone.add(sums[i])
            return everyone.get()

        def raise_cutoff(cutoff: Cell, value: Callable[[Expr], Expr], enough: Expr) -> None:
            """Sets `cutoff` to the largest key whose tail still sums to `enough`."""
            found = Cell(const(0, "uint32"), "uint32")
            with loop(32) as i:
                trial = hold(
                    T.bitwise_or(found.get(), T.shift_left(const(1, "uint32"), cast(31 - i, "uint32"))), "uint32"
                )
                with when(total(value, T.max(trial, cutoff.get())) >= enough):
                    found.set(trial)
            cutoff.set(T.max(found.get(), cutoff.get()))

        with when(temperature > const(0.0)):
            cutoff = Cell(const(0, "uint32"), "uint32")
            with when(T.And(top_k > 0, top_k < vocabulary)):
                raise_cutoff(cutoff, lambda _: const(1.0), T.Cast("float32", top_k))
            with when(top_p < const(1.0)):
                raise_cutoff(cutoff, weight, hold(top_p * total(weight, cutoff.get())))
            mine = Cell(const(0.0))
            with loop(share) as i:
                at = let(thread * share + i)
                with when(at < vocabulary), when(_key(logits[at]) >= cutoff.get()):
                    mine.add(weight(logits[at]))
            barrier()
            store(sums, thread, mine.get())
            barrier()
            before, everyone = Cell(const(0.0)), Cell(const(0.0))
            with loop(THREADS) as i:
                with when(i < thread):
                    before.add(sums[i])
                everyone.add(sums[i])
            target = hold(_random_unit(seed, at_position) * everyone.get())
            # Rounding may leave the target in no thread's share: then the likeliest token, stored above, stands.
            with when(T.And(target >= before.get(), target < before.get() + mine.get())):
                passed = Cell(before.get())
                chosen = Cell(best_id.get(), "int32")
                with loop(share) as i:
                    at = let(thread * share + i)
                    with when(T.And(at < vocabulary, passed.get() <= target)), when(_key(logits[at]) >= cutoff.get()):
                        passed.add(weight(logits[at]))
                        chosen.set(at)
                store(tokens, 0, T.Cast("uint32", chosen.get()))
    return k.finish()


def _key(logit: Expr) -> Expr:
    """u32 whose order is the order of the logits."""
    bits = T.reinterpret("uint32", logit)
    sign = T.reinterpret("uint32", T.shift_right(T.reinterpret("int32", logit), const(31, "int32")))
    return T.bitwise_xor(bits, T.bitwise_or(sign, const(0x80000000, "uint32")))


def _random_unit(seed: Expr, position: Expr) -> Expr:
    state = seed
    for word in (T.Cast("uint32", position), const(0x9E3779B9, "uint32")):
        state = _pcg_in_kernel(state + word)
    return T.Cast("float32", T.shift_right(state, const(8, "uint32"))) * const(2.0**-24)


def _pcg_in_kernel(value: Expr) -> Expr:
    def u32(number: int) -> Expr:
        return const(number, "uint32")

    state = hold(value * u32(747796405) + u32(2891336453), "uint32")
    shift = T.shift_right(state, u32(28)) + u32(4)
    word = hold(T.bitwise_xor(T.shift_right(state, shift), state) * u32(277803737), "uint32")
    return hold(T.bitwise_xor(T.shift_right(word, u32(22)), word), "uint32")
