"""The part of the chunked gated delta rule that goes from block to block: equations in delta_pairs.py.

A workgroup takes a value head and some columns of its state; a thread four columns, and of the 32 tokens of a block as
many as fall to it. It reads the state once for all its tokens, where a scan token by token reads and writes it for
each.

Arithmetic at 0.8B (16 heads, dk = dv = 128): a token and head take 3 · dk · dv = 49,000 multiply-adds with the state
either way, and C · (dk + dv) = 8,000 more within the block. But a scan of 512 tokens has 512 steps that depend on each
other, with two sums over 128 keys in each; here are 16. On a GPU the threads of a workgroup share its columns' state in
workgroup memory: 16 columns, so 128 workgroups of 64 threads. On software adapters a thread is alone with its columns,
which stay in the state's own buffer, without a barrier. As an array of the thread, where the scan had
them, they made lavapipe compile for 7 to 30 s.

Measured with 128 tokens and 4 of them side by side, two busy cores, in one run: lavapipe, scan token by token 185 ms,
this 77 ms and delta_pairs 6 ms; SwiftShader 739, 395 and 60; the way for GPUs 135 on lavapipe (a scan: 170). With 2
side by side, as software adapters have it, beside 4, in one run: SwiftShader compiles this in 335 ms (622) and runs it
in 147 (140), delta_pairs in 146 (266) and 42 (24); lavapipe in 272 (401) and 47 (40), 177 (455) and 11 (8).
"""

# T tokens, C tokens of a block, Hk key heads, Hv value heads, dk, dv head sizes

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Protocol

from tvm.tirx.script import builder as T

from ..shapes import DeltaShape
from ..tuning import Tuning
from ..webgpu_limits import MAX_WORKGROUP_BYTES
from .common import (
    Buffer,
    Cell,
    Expr,
    Kernel,
    KernelBuilder,
    barrier,
    hold,
    lane,
    loop,
    splat,
    store,
    strided,
    unsynchronised,
    when,
)
from .delta_pairs import BLOCK, FACTORS
from .heads import Heads


@cache
def delta_scan(shape: DeltaShape, *, tuning: Tuning, chunk: int, act: str) -> Kernel:
    """Buffers: queries_keys [chunk, q|k], values [chunk, v], factors [chunk, Hv, FACTORS] f32, inverse and mixture
    [chunk, Hv, C] f32, state and state_kept [Hv, dk, dv] f32, outputs [chunk, Hv·dv] f32."""
    s, parts = shape, tuning.scan_parts
    in_place = parts == 1 and s.value_size % 4 == 0
    lanes, tile = _lanes(shape, parts, in_place=in_place), min(tuning.delta_tile, BLOCK // parts)
    grid = (s.value_heads, -(-s.value_size // (4 * lanes)))
    k = KernelBuilder(f"delta_scan_{s.name}_{act}_{tuning.name}", grid, lanes * parts)
    rows = Heads(k, "queries_keys", chunk, 2 * s.key_heads, s.key_size, act)
    values = Heads(k, "values", chunk, s.value_heads, s.value_size, act)
    factors = k.buffer("factors", (chunk, s.value_heads, FACTORS), "float32")
    row = (chunk, s.value_heads, BLOCK // 4)
    inverse, mixture = (k.buffer(name, row, "float32x4") for name in ("inverse", "mixture"))
    state, state_kept = (
        Heads(k, name, s.value_heads, s.key_size, s.value_size, "float32") for name in ("state", "state_kept")
    )
    outputs = Heads(k, "outputs", chunk, s.value_heads, s.value_size, "float32")
    position, tokens, keep_at = k.scalar("position"), k.scalar("tokens"), k.scalar("keep_at")

    def sync() -> None:
        if parts > 1:
            barrier()

    def scale(token: Expr, slot: int) -> Expr:
        return T.broadcast(factors[token, head, slot], 4)

    with k.threads() as (head, block, thread):
        part, lane_ = hold(thread // lanes, "int32"), hold(thread % lanes, "int32")
        column = hold(block * lanes + lane_, "int32")  # four columns of the state
        inside = hold(T.min(column, values.quads - 1), "int32")
        key_head = hold(head * s.key_heads // s.value_heads, "int32")
        stored, stored_kept = _Stored(state, head, inside), _Stored(state_kept, head, inside)
        working: _Columns = stored if in_place else _Shared(rows.quads * 4, lanes, lane_)
        wanted, deltas, weighted = (_Shared(BLOCK, lanes, lane_) for _ in range(3))
        with strided(part, s.key_size, parts) as i, _alone(column < values.quads, parts):
            working.put(i, T.if_then_else(position > 0, stored.at(i), splat(0.0)))
        sync()
        with loop((tokens + BLOCK - 1) // BLOCK) as step, _alone(column < values.quads, parts):
            first = hold(step * BLOCK, "int32")
            with _groups(part, tokens - first, tile, parts) as group:
                at = [hold(first + group * tile + i, "int32") for i in range(tile)]
                read = [hold(T.min(token, tokens - 1), "int32") for token in at]
                upto = hold(group * tile // 4 + 1, "int32")
                recalled, seen = _products(working, rows, read, (s.key_heads + key_head, key_head))
                for i, token in enumerate(read):
                    value = values.four(token, head, inside) * scale(token, 0)
                    wanted.put(group * tile + i, value - recalled[i].get() * scale(token, 1))
                sync()
                for i, total in enumerate(_mixed(inverse, read, head, upto, wanted)):
                    delta = hold(T.Select(at[i] < tokens, total.get(), splat(0.0)), "float32x4")
                    deltas.put(group * tile + i, delta)
                    weighted.put(group * tile + i, delta * scale(read[i], 3))
                sync()
                for i, total in enumerate(_mixed(mixture, read, head, upto, deltas)):
                    with when(T.And(at[i] < tokens, column < values.quads)):
                        outputs.put(at[i], head, column, seen[i].get() * scale(at[i], 2) + total.get())

            def advanced(quad: Expr, stop: Expr, delta: Callable[[Expr], Expr]) -> list[Cell]:
                decay = hold(factors[stop - 1, head, 4])
                return _advanced(working, rows, decay, delta, quad, first, stop, s.key_heads + key_head)

            with when(T.And(keep_at > first, keep_at <= first + BLOCK)), strided(part, rows.quads, parts) as quad:
                news = advanced(quad, keep_at, lambda j: deltas.at(j) * scale(first + j, 5))
                with when(column < values.quads):
                    _put(stored_kept, quad, news)
            with strided(part, rows.quads, parts) as quad:
                _put(working, quad, advanced(quad, hold(T.min(first + BLOCK, tokens), "int32"), weighted.at))
            sync()
        if not in_place:
            with strided(part, s.key_size, parts) as i, when(column < values.quads):
                stored.put(i, working.at(i))
    return k.finish()


def _lanes(s: DeltaShape, parts: int, *, in_place: bool) -> int:
    """Threads side by side, of four columns each: as many as workgroup memory has room for."""
    each = 16 * ((0 if in_place else 4 * -(-s.key_size // 4)) + 3 * BLOCK)
    most = min(-(-s.value_size // 4), 4 if parts > 1 else 8)
    return max(lanes for lanes in range(1, most + 1) if lanes == 1 or lanes * each <= MAX_WORKGROUP_BYTES)


def _groups(part: Expr, tokens: Expr, tile: int, parts: int) -> Any:
    """The groups of `tile` tokens of a block that fall to a thread. Threads that meet barriers walk all of them, one
    that is alone only those with tokens: a short chunk costs what it has."""
    every = BLOCK // tile
    return loop(T.min(every, (tokens + (tile - 1)) // tile)) if parts == 1 else strided(part, every, parts)


@contextmanager
def _alone(condition: Expr, parts: int) -> Iterator[None]:
    """`when`, for threads that meet no barrier; the others go on, with columns that are not stored."""
    if parts == 1:
        with when(condition):
            yield
    else:
        yield


class _Columns(Protocol):
    """A matrix of which each thread sees four columns."""

    def at(self, row: Expr) -> Expr: ...

    def put(self, row: Expr, value: Expr) -> None: ...


class _Shared:
    """Such a matrix in workgroup memory."""

    def __init__(self, rows: int, lanes: int, lane_: Expr) -> None:
        self._buffer, self._lanes, self._lane = unsynchronised(rows * lanes, "float32x4"), lanes, lane_

    def at(self, row: Expr) -> Expr:
        return self._buffer[row * self._lanes + self._lane]

    def put(self, row: Expr, value: Expr) -> None:
        store(self._buffer, row * self._lanes + self._lane, value)


class _Stored:
    """A head's state, where it lies. It is worked on four rows at a time, of which the last ones may not be there."""

    def __init__(self, state: Heads, head: Expr, quad: Expr) -> None:
        self._state, self._head, self._quad = state, head, quad

    def at(self, row: Expr) -> Expr:
        return self._state.four(self._head, T.min(row, self._state.heads - 1), self._quad)

    def put(self, row: Expr, value: Expr) -> None:
        with when(row < self._state.heads):
            self._state.put(self._head, row, self._quad, value)


def _products(working: _Columns, rows: Heads, tokens: list[Expr], heads: tuple[Expr, ...]) -> list[list[Cell]]:
    """For each of `heads` and each token, that row times the state."""
    sums = [[Cell(splat(0.0), "float32x4") for _ in tokens] for _ in heads]
    with loop(rows.quads) as quad:
        old = [hold(working.at(quad * 4 + i), "float32x4") for i in range(4)]
        for head, totals in zip(heads, sums, strict=True):
            for token, total in zip(tokens, totals, strict=True):
                four = hold(rows.four(token, head, quad), "float32x4")
                for i in range(4):
                    total.add(old[i] * T.broadcast(lane(four, i), 4))
    return sums


def _mixed(matrix: Buffer, tokens: list[Expr], head: Expr, upto: Expr, columns: _Columns) -> list[Cell]:
    """For each token, its row of a triangular matrix times the columns."""
    sums = [Cell(splat(0.0), "float32x4") for _ in tokens]
    with loop(upto) as quad:
        four = [hold(columns.at(quad * 4 + i), "float32x4") for i in range(4)]
        for total, token in zip(sums, tokens, strict=True):
            row = hold(matrix[token, head, quad], "float32x4")
            for i in range(4):
                total.add(four[i] * T.broadcast(lane(row, i), 4))
    return sums


def _advanced(
    working: _Columns,
    rows: Heads,
    decay: Expr,
    weighted: Callable[[Expr], Expr],
    quad: Expr,
    first: Expr,
    stop: Expr,
    head: Expr,
) -> list[Cell]:
    """Four rows of the state from a block's start, as they are after the token before `stop`."""
    news = [Cell(working.at(quad * 4 + i) * T.broadcast(decay, 4), "float32x4") for i in range(4)]
    with loop(stop - first) as j:
        key = hold(rows.four(first + j, head, quad), "float32x4")
        delta = hold(weighted(j), "float32x4")
        for i, new in enumerate(news):
            new.add(delta * T.broadcast(lane(key, i), 4))
    return news


def _put(columns: _Columns, quad: Expr, rows: list[Cell]) -> None:
    for i, row in enumerate(rows):
        columns.put(quad * 4 + i, row.get())
