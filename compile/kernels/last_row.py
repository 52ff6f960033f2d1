"""After prefill: the last token's hidden row, prepared for the norm in front of the head, as matvec.py describes."""

# T tokens, K columns, P numbers that the squares come in

from functools import cache

import numpy as np
from numpy.typing import NDArray

from .common import Cell, Kernel, KernelBuilder, barrier, const, hold, let, loop, shared, store, strided, sum_over, when

F64 = NDArray[np.float64]

THREADS = 64


def reference(hidden: F64, norm: F64) -> tuple[F64, float]:
    """The definition: hidden [T, K], norm [K]; the last row scaled, and the sum of its squares."""
    return hidden[-1] * norm, float(hidden[-1] @ hidden[-1])


@cache
def last_row(width: int, *, chunk: int, squares: int) -> Kernel:
    """Buffers: hidden [chunk, width] f32, norm [width], scaled [width] f32, squares [`squares`] f32, of which the first
    gets the sum and the others zero."""
    k = KernelBuilder(f"last_row_{width}_{squares}", (1, 1), THREADS)
    hidden = k.buffer("hidden", (chunk, width), "float32")
    norm, scaled = (k.buffer(name, (width,), "float32") for name in ("norm", "scaled"))
    given = k.buffer("squares", (squares,), "float32")
    token = k.scalar("tokens") - 1
    with k.threads() as (_, _, thread):
        square = Cell(const(0.0))
        with strided(thread, width, THREADS) as i:
            value = hold(hidden[token, i])
            store(scaled, i, value * norm[i])
            square.add(value * value)
        partial = shared(THREADS)
        store(partial, thread, square.get())
        barrier()
        with when(thread == 0):
            store(given, 0, sum_over(partial, THREADS))
            if squares > 1:
                with loop(squares - 1) as i:
                    store(given, let(i + 1), const(0.0))
    return k.finish()
