"""Which tokens a grammar allows: logit = logit if its bit is set, else -1e30, below what all other sampling looks at.

It comes last of what changes logits, for neither a bias nor a penalty may lift a masked token. A token's bit is bit
id mod 32 of word id / 32, as XGrammar writes its masks, which the runtime copies as they are. A thread takes one logit:
with 32 of them to a word the loads of words hit the cache.
"""

# V vocabulary, W words of the mask

from functools import cache

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from .common import MASKED, Kernel, KernelBuilder, cast, const, hold, let, store, when
from .sample_words import u32

F64 = NDArray[np.float64]

BITS = 32  # tokens to a word
THREADS = 64


def reference(logits: F64, allowed: NDArray[np.uint32]) -> F64:
    """The definition."""
    bits = np.unpackbits(allowed.view(np.uint8), bitorder="little")[: len(logits)]
    return np.where(bits == 1, logits, MASKED)


def words(vocabulary: int) -> int:
    """Words of a mask."""
    return -(-vocabulary // BITS)


@cache
def mask(vocabulary: int) -> Kernel:
    """Buffers: logits [V], changed in place; allowed [W] u32."""
    k = KernelBuilder(f"mask_{vocabulary}", (-(-vocabulary // THREADS), 1), THREADS)
    logits = k.buffer("logits", (vocabulary,), "float32")
    allowed = k.buffer("allowed", (words(vocabulary),), "uint32")
    with k.threads() as (block, _, thread):
        at = let(block * THREADS + thread)
        with when(at < vocabulary):
            word = hold(allowed[at // BITS], "uint32")
            bit = T.bitwise_and(T.shift_right(word, cast(at % BITS, "uint32")), u32(1))
            with when(bit == u32(0)):
                store(logits, at, const(MASKED))
    return k.finish()
