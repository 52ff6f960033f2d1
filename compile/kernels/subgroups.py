"""Sums over neighbouring threads of a workgroup: through their subgroup's registers as far as that reaches, and through
workgroup memory.

Subgroups have 4 to 128 threads, and the size is known only on the device. Exchange by XOR is right for any of them:
with a mask below the size a partner is in the same subgroup, and the sums of 2, 4, 8 … neighbours grow, aligned, until
either the subgroup or the lanes end. What is left, nothing on most GPUs, is as many sums as there are subgroups.

Without subgroups one lane would add up 31 numbers for each of its rows while 31 wait: 155 loads for four rows and the
norm, beside some 700 operations of the product itself. So all lanes first add up four numbers each, for one barrier
more; 48 loads are left.
"""

from collections.abc import Sequence

from tvm.tirx.script import builder as T

from .common import Buffer, Cell, Expr, barrier, const, hold, loop, store, strided, unsynchronised, when

FIRST = 4  # numbers that a lane adds up first


def fold(sums: Sequence[Cell], thread: Expr, lane: Expr, *, threads: int, lanes: int, subgroups: bool) -> None:
    """Adds up each of `sums` over the `lanes` threads (a power of two) that share it; lane 0 has the whole."""
    size = hold(T.call_pure_extern("uint32", "subgroup_size_"), "uint32") if subgroups else 1
    if subgroups:
        for total in sums:
            for mask in (1 << i for i in range(lanes.bit_length() - 1)):
                other = T.call_pure_extern("float32", "subgroupShuffleXor", total.get(), T.uint32(mask))
                total.add(T.Select(T.uint32(mask) < size, hold(other), const(0.0)))
    partial = unsynchronised(threads * len(sums))
    for i, total in enumerate(sums):
        store(partial, i * threads + thread, total.get())
    barrier()
    if not subgroups and lanes > FIRST:
        partial, threads, thread = _first_turn(partial, len(sums), thread, lane, threads, lanes)
        lanes //= FIRST
        with when(lane == 0):
            for total in sums:
                total.set(const(0.0))
            with loop(lanes) as j:
                for i, total in enumerate(sums):
                    total.add(partial[i * threads + thread + j])
        return
    with when(lane == 0):
        step = T.Cast("int32", size) if subgroups else 1
        with loop(T.max((lanes - 1) // step, 0)) as j:
            for i, total in enumerate(sums):
                total.add(partial[i * threads + thread + (j + 1) * step])


def _first_turn(
    partial: Buffer, sums: int, thread: Expr, lane: Expr, threads: int, lanes: int
) -> tuple[Buffer, int, Expr]:
    """All lanes add up FIRST numbers at a time: what is left, how many threads' it is, and this one's place."""
    left = lanes // FIRST
    fewer = unsynchronised(threads // FIRST * sums)
    start = hold(thread - lane, "int32")
    with strided(lane, left * sums, lanes) as at:
        which, place = hold(at // left, "int32"), hold(at % left, "int32")
        total = Cell(const(0.0))
        for j in range(FIRST):
            total.add(partial[which * threads + start + place + j * left])
        store(fewer, which * (threads // FIRST) + start // FIRST + place, total.get())
    barrier()
    return fewer, threads // FIRST, hold(start // FIRST, "int32")
