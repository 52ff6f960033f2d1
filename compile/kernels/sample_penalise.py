"""What a request asks to change about the logits: a bias, and penalties on tokens that are already there.

    z = logit + bias
    z = z / repetition if z > 0 else z · repetition                 tokens of the prompt or generated
    z = z - frequency · times - (presence if times > 0 else 0)      times generated

The order is vLLM's and llama.cpp's: the bias comes first, as in transformers, then the penalties. The repetition
penalty is transformers' (Keskar et al. 2019, CTRL), prompt included; presence and frequency are OpenAI's, which count
what was generated alone. A grammar's mask comes last of all (sample_mask.py), for a masked token must stay masked.

A token is counted on the GPU as soon as it is chosen: the step after it is submitted before anyone has read it.
"""

# V vocabulary

from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from .common import Cell, Kernel, KernelBuilder, cast, const, hold, let, store, when
from .sample_words import u32

F64 = NDArray[np.float64]

IN_PROMPT = 1 << 31  # of a token's word in `occurrences`; the other bits count how often it was generated
THREADS = 64


def reference(
    logits: F64, bias: F64, occurrences: NDArray[np.uint32], repetition: float, presence: float, frequency: float
) -> F64:
    """The definition."""
    z = logits + bias
    z = np.where(occurrences > 0, np.where(z > 0, z / repetition, z * repetition), z)
    times = (occurrences & (IN_PROMPT - 1)).astype(np.float64)
    return np.asarray(z - frequency * times - presence * (times > 0))


@cache
def penalise(vocabulary: int) -> Kernel:
    """Buffers: logits [V], changed in place; raw [V], as they were; bias [V] f32; occurrences [V] u32."""
    k = KernelBuilder(f"penalise_{vocabulary}", (-(-vocabulary // THREADS), 1), THREADS)
    logits = k.buffer("logits", (vocabulary,), "float32")
    raw = k.buffer("raw", (vocabulary,), "float32")
    bias = k.buffer("bias", (vocabulary,), "float32")
    occurrences = k.buffer("occurrences", (vocabulary,), "uint32")
    repetition = k.scalar("repetition_penalty")
    presence, frequency = k.scalar("presence_penalty"), k.scalar("frequency_penalty")
    with k.threads() as (block, _, thread):
        at = let(block * THREADS + thread)
        with when(at < vocabulary):
            logit, word = hold(logits[at]), hold(occurrences[at], "uint32")
            store(raw, at, logit)
            z = Cell(logit + bias[at])
            with when(word > u32(0)):
                z.set(T.Select(z.get() > const(0.0), z.get() / repetition, z.get() * repetition))
            times = hold(T.bitwise_and(word, u32(IN_PROMPT - 1)), "uint32")
            with when(times > u32(0)):
                z.set(z.get() - frequency * cast(times, "float32") - presence)
            store(logits, at, z.get())
    return k.finish()


@cache
def count_token(vocabulary: int, *, chunk: int) -> Kernel:
    """Buffers: tokens [chunk] u32 of which the first is counted, occurrences [V] u32."""
    k = KernelBuilder(f"count_token_{vocabulary}", (1, 1), 1)
    tokens = k.buffer("tokens", (chunk,), "uint32")
    occurrences = k.buffer("occurrences", (vocabulary,), "uint32")
    with k.threads():
        token = hold(tokens[0], "uint32")
        store(occurrences, token, occurrences[token] + u32(1))
    return k.finish()
