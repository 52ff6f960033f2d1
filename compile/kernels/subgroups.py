"""Sums over neighbouring threads of a workgroup: through their subgroup's registers as far as that reaches, and through
workgroup memory.

Subgroups have 4 to 128 threads, and the size is known only on the device. Exchange by XOR is right for any of them:
with a mask below the size a partner is in the same subgroup, and the sums of 2, 4, 8 … neighbours grow, aligned, until
either the subgroup or the lanes end. What is left, nothing on most GPUs, is as many sums as there are subgroups.
"""

from collections.abc import Sequence

from tvm.tirx.script import builder as T

from .common import Cell, Expr, barrier, const, hold, loop, shared, store, when


def fold(sums: Sequence[Cell], thread: Expr, lane: Expr, *, threads: int, lanes: int, subgroups: bool) -> None:
    """Adds up each of `sums` over the `lanes` threads (a power of two) that share it; lane 0 has the whole."""
    size = hold(T.call_pure_extern("uint32", "subgroup_size_"), "uint32") if subgroups else 1
    if subgroups:
        for total in sums:
            for mask in (1 << i for i in range(lanes.bit_length() - 1)):
                other = T.call_pure_extern("float32", "subgroupShuffleXor", total.get(), T.uint32(mask))
                total.add(T.Select(T.uint32(mask) < size, hold(other), const(0.0)))
    partial = shared(threads * len(sums))
    for i, total in enumerate(sums):
        store(partial, i * threads + thread, total.get())
    barrier()
    with when(lane == 0):
        step = T.Cast("int32", size) if subgroups else 1
        with loop(T.max((lanes - 1) // step, 0)) as j:
            for i, total in enumerate(sums):
                total.add(partial[i * threads + thread + (j + 1) * step])
