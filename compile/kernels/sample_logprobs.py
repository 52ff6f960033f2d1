"""Log-probabilities of the chosen token and of the likeliest ones: log softmax of the model's own logits.

They are taken before bias, penalties, temperature and cut-offs, as OpenAI's API and vLLM (`raw_logprobs`) have them:
what is reported is the model, not the request. The likeliest tokens are found as top-k's cut-off is, among the tokens
of the highest bins (sample_spread.py, at temperature 1); `choose_top` takes the bins, `rank` sorts what is in them.
"""

# V vocabulary, B blocks

from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from .common import Cell, Expr, Kernel, KernelBuilder, barrier, cast, const, hold, loop, shared, store, when
from .sample_totals import NO_BIN, Bounds, Totals, bin_where, each_listed, sum_where
from .sample_words import BINS, Frame, bits, blocks, finite, u32, value_of

F64 = NDArray[np.float64]

MOST = 20
WORDS = 1 + 2 * MOST  # the chosen token's log-probability, the ids of the likeliest tokens, theirs
NO_ID = 0xFFFFFFFF  # behind the last token of a vocabulary that has fewer
THREADS = 64


def reference(logits: F64) -> F64:
    """The definition: every token's log-probability."""
    shifted = logits - logits.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))


@cache
def choose_top(vocabulary: int, *, together: int) -> Kernel:
    """Buffers: counts [B, 32] u32, weights [B, 32] f32, bounds [12] u32, offsets [B + 1] u32, kept [B] f32."""
    k = KernelBuilder(f"choose_top_{vocabulary}", (1, 1), BINS)
    totals = Totals(k, blocks(vocabulary), together)
    bounds = k.buffer("bounds", (len(Bounds),), "uint32")
    offsets = k.buffer("offsets", (blocks(vocabulary) + 1,), "uint32")
    kept = k.buffer("kept", (blocks(vocabulary),), "float32")
    with k.threads() as (_, _, thread):
        totals.add_blocks(thread)
        last = bin_where(totals.counts, const(float(min(MOST, vocabulary))))
        totals.each_block(thread, lambda i: i <= last, const(0, "int32"), offsets, kept)
        with when(thread == 0):
            total = sum_where(totals.weights, lambda i: i < NO_BIN)
            store(bounds, int(Bounds.FIRST), u32(0))
            store(bounds, int(Bounds.LAST), cast(last, "uint32"))
            store(bounds, int(Bounds.BESIDE), u32(NO_BIN))
            store(bounds, int(Bounds.TOTAL), bits(total))
    return k.finish()


@cache
def rank(vocabulary: int, *, chunk: int) -> Kernel:
    """Buffers: raw [V], tokens [chunk] u32, frame [3], bounds [12], offsets [B + 1], listed_ids [V], listed_keys [V],
    logprobs [41] u32. Of equal logits the smaller id comes first."""
    count = blocks(vocabulary)
    k = KernelBuilder(f"rank_{vocabulary}", (1, 1), THREADS)
    raw = k.buffer("raw", (vocabulary,), "float32")
    tokens = k.buffer("tokens", (chunk,), "uint32")
    frame = k.buffer("frame", (len(Frame),), "float32")
    bounds = k.buffer("bounds", (len(Bounds),), "uint32")
    offsets = k.buffer("offsets", (count + 1,), "uint32")
    listed_ids = k.buffer("listed_ids", (vocabulary,), "uint32")
    listed_keys = k.buffer("listed_keys", (vocabulary,), "uint32")
    logprobs = k.buffer("logprobs", (WORDS,), "uint32")
    with k.threads() as (_, _, thread):
        highest = hold(frame[int(Frame.HIGHEST)])
        log_total = hold(T.log(T.reinterpret("float32", bounds[int(Bounds.TOTAL)])))

        def logprob(value: Expr) -> Expr:
            return hold((value - highest) - log_total)

        with when(thread == 0):
            store(logprobs, 0, bits(logprob(finite(raw[tokens[0]]))))
        keys, ids = shared(THREADS, "uint32"), shared(THREADS, "uint32")
        # The token before: nothing is above the largest key, and keys of logits are smaller.
        last_key, last_id = Cell(u32(NO_ID), "uint32"), Cell(u32(NO_ID), "uint32")
        best_key, best_id = Cell(u32(0), "uint32"), Cell(u32(NO_ID), "uint32")

        def offer(a_key: Expr, an_id: Expr) -> None:
            """Keeps the likelier of two tokens, if it comes after the one before."""
            later = comes_before(last_key.get(), last_id.get(), a_key, an_id)
            with when(T.And(later, comes_before(a_key, an_id, best_key.get(), best_id.get()))):
                best_key.set(a_key)
                best_id.set(an_id)

        with loop(MOST) as nth:
            best_key.set(u32(0))
            best_id.set(u32(NO_ID))
            each_listed(
                thread,
                offsets[count],
                THREADS,
                lambda at: offer(hold(listed_keys[at], "uint32"), hold(listed_ids[at], "uint32")),
                together=4,
            )
            barrier()
            store(keys, thread, best_key.get())
            store(ids, thread, best_id.get())
            barrier()
            with loop(THREADS) as i:
                offer(hold(keys[i], "uint32"), hold(ids[i], "uint32"))
            last_key.set(best_key.get())
            last_id.set(best_id.get())
            with when(thread == 0):
                store(logprobs, 1 + nth, best_id.get())
                store(logprobs, 1 + MOST + nth, bits(logprob(value_of(best_key.get()))))
    return k.finish()


def comes_before(key_a: Expr, id_a: Expr, key_b: Expr, id_b: Expr) -> Expr:
    """Whether token a is likelier than b, or as likely and has the smaller id."""
    return T.Or(key_a > key_b, T.And(key_a == key_b, id_a < id_b))
