"""The search for a cut-off among the listed tokens: the largest key from which up they come to enough.

`Few` holds every token against every other, between two barriers. `Many` finds the key bit by bit from the top, with
two barriers for each bit.
"""

# N listed tokens

from collections.abc import Callable
from typing import Protocol

from tvm.tirx.script import builder as T

from .common import Buffer, Cell, Expr, barrier, cast, const, hold, loop, shared, store, sum_over, unsynchronised, when
from .sample_totals import each_listed
from .sample_words import u32, value_of

THREADS = 64
MOST_FEW = 128


class Search(Protocol):
    """Either of the two, with the tokens' weights or with 1 for each token."""

    def tail(self, cutoff: Expr) -> Expr:
        """The weight of the tokens from this key up."""

    def search(self, low: Expr, digits: Expr, enough: Expr, *, weighted: bool) -> Expr:
        """The largest key whose tail comes to `enough`, of those that differ from `low` in the last `digits` bits;
        `low` where none does, and where there are no such bits."""


class Many:
    """Any number of tokens."""

    def __init__(self, listed_keys: Buffer, stop: Expr, thread: Expr, weigh: Callable[[Expr], Expr]) -> None:
        self._keys, self._stop, self._thread, self._weigh = listed_keys, stop, thread, weigh
        self._sums = shared(THREADS)

    def tail(self, cutoff: Expr) -> Expr:
        return self._tail(cutoff, self._weigh)

    def search(self, low: Expr, digits: Expr, enough: Expr, *, weighted: bool) -> Expr:
        found = Cell(low, "uint32")
        with loop(cast(digits, "int32")) as i:
            trial = hold(found.get() + T.shift_left(u32(1), digits - u32(1) - cast(i, "uint32")), "uint32")
            reached = self._tail(trial, self._weigh if weighted else lambda _: const(1.0))
            with when(T.And(reached >= enough, trial > found.get())):  # the sum may pass 2³²
                found.set(trial)
        return found.get()

    def _tail(self, cutoff: Expr, worth: Callable[[Expr], Expr]) -> Expr:
        mine = Cell(const(0.0))

        def take(at: Expr) -> None:
            key = hold(self._keys[at], "uint32")
            with when(key >= cutoff):
                mine.add(worth(value_of(key)))

        each_listed(self._thread, self._stop, THREADS, take, together=4)
        barrier()
        store(self._sums, self._thread, mine.get())
        barrier()
        return sum_over(self._sums, THREADS)


class Few:
    """Up to MOST_FEW tokens."""

    def __init__(self, listed_keys: Buffer, stop: Expr, thread: Expr, weigh: Callable[[Expr], Expr]) -> None:
        self._stop = hold(cast(stop, "int32"), "int32")
        self._keys, self._weights = unsynchronised(MOST_FEW, "uint32"), unsynchronised(MOST_FEW)  # [N]
        self._counts, self._tails = unsynchronised(MOST_FEW), unsynchronised(MOST_FEW)  # from each key up

        def stage(at: Expr) -> None:
            key = hold(listed_keys[at], "uint32")
            store(self._keys, at, key)
            store(self._weights, at, weigh(value_of(key)))

        def add_up(at: Expr) -> None:
            own, tokens, mass = hold(self._keys[at], "uint32"), Cell(const(0.0)), Cell(const(0.0))
            with loop(self._stop) as i, when(hold(self._keys[i], "uint32") >= own):
                tokens.add(const(1.0))
                mass.add(self._weights[i])
            store(self._counts, at, tokens.get())
            store(self._tails, at, mass.get())

        each_listed(thread, stop, THREADS, stage, together=1)
        barrier()
        each_listed(thread, stop, THREADS, add_up, together=1)
        barrier()

    def tail(self, cutoff: Expr) -> Expr:
        mass = Cell(const(0.0))
        with loop(self._stop) as i, when(hold(self._keys[i], "uint32") >= cutoff):
            mass.add(self._weights[i])
        return mass.get()

    def search(self, low: Expr, digits: Expr, enough: Expr, *, weighted: bool) -> Expr:
        found = Cell(low, "uint32")
        with when(digits > u32(0)), loop(self._stop) as i:
            key, reached = hold(self._keys[i], "uint32"), hold((self._tails if weighted else self._counts)[i])
            with when(T.And(reached >= enough, key > found.get())):
                found.set(key)
        return found.get()
