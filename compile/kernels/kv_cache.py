"""The cache of keys and values: how its buffers lie in memory and how kernels read them. Every buffer is
position-major, so that a longer cache begins with the bytes of a shorter one.

In full, K and V are f32 or f16 [P, Hkv, D]. As q8, each run of 32 dimensions of a head is int8 over a scale, the
largest magnitude in it: value = byte / 127 · scale, four bytes to a word, as `unpack4x8snorm` reads them. Scales are
f16: a word of `cache_scales` has that of K in its low half and that of V, for the same dimensions, in its high half.
"""

# P positions, Hkv key-value heads, D head size, C words of four values in a head, G groups of 32 in a head

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from tvm.tirx.script import builder as T

from ..shapes import AttentionShape
from .common import (
    Buffer,
    Cell,
    Expr,
    KernelBuilder,
    barrier,
    choose,
    const,
    hold,
    lane,
    let,
    loop,
    shared,
    store,
    strided,
    when,
)
from .heads import Heads

F64 = NDArray[np.float64]

FORMS = {"f32": "float32", "f16": "float16", "q8": "uint32"}  # a cache's form -> the type of its words
GROUP = 32  # values that share a scale
QUADS = GROUP // 4


def quads(shape: AttentionShape) -> int:
    """Runs of four values in a head, the last one perhaps not whole."""
    return -(-shape.size // 4)


def groups(shape: AttentionShape) -> int:
    """Runs of 32 values in a head, the last one perhaps not whole."""
    return -(-shape.size // GROUP)


def quantised(rows: F64) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    """The definition of q8: rows [..., D] as bytes [..., 4·C] and scales [..., G]."""
    count = -(-rows.shape[-1] // GROUP)
    filled = np.zeros((*rows.shape[:-1], count * GROUP))
    filled[..., : rows.shape[-1]] = rows
    runs = filled.reshape(*rows.shape[:-1], count, GROUP)
    scales = np.abs(runs).max(axis=-1)
    levels = np.floor(runs / np.where(scales > 0, scales, 1)[..., None] * 127 + 0.5)
    whole = levels.reshape(filled.shape)[..., : -(-rows.shape[-1] // 4) * 4]
    return whole.astype(np.int8), scales.astype(np.float16)


def restored(levels: NDArray[np.int8], scales: NDArray[np.float16], size: int) -> F64:
    """The rows [..., size] that bytes and scales stand for."""
    each = np.repeat(scales.astype(np.float64), GROUP, axis=-1)[..., :size]
    return levels[..., :size] / 127 * each


def buffer_bytes(shape: AttentionShape, form: str) -> dict[str, int]:
    """Bytes for a position, by buffer."""
    if form == "q8":
        rows = {"k_cache": quads(shape), "v_cache": quads(shape), "cache_scales": groups(shape)}
        return {name: shape.kv_heads * words * 4 for name, words in rows.items()}
    size = shape.kv_heads * shape.size * {"f32": 4, "f16": 2}[form]
    return {"k_cache": size, "v_cache": size}


class CacheRows:
    """The keys, or the values, of a cache."""

    def __init__(self, k: KernelBuilder, name: str, shape: AttentionShape, form: str, scales: Buffer | None) -> None:
        self._quads, self._groups, self._scales = quads(shape), groups(shape), scales
        self._half = 0 if name == "k_cache" else 1
        if scales is None:
            self._heads = Heads(k, name, shape.positions, shape.kv_heads, shape.size, FORMS[form])
        else:
            self._words = k.buffer(name, (shape.positions, shape.kv_heads, self._quads), FORMS[form])

    def four(self, position: Expr, head: Expr, quad: Expr) -> Expr:
        """Values 4·quad .. 4·quad+3 as vec4<f32>; past the head's end: zeros."""
        if self._scales is None:
            return self._heads.four(position, head, quad)
        return self._unpacked(position, head, quad, self._scale(position, head, T.shift_right(quad, 3)))

    def sweep(self, positions: Sequence[Expr], head: Expr, body: Callable[[Expr, Iterator[Expr]], None]) -> None:
        """For each quad of a head in turn, in the kernel: `body` with its number and that quad of each position. Scales
        are read once for a group."""

        def step(quad: Expr, scales: Sequence[Expr]) -> None:
            if self._scales is None:
                body(quad, (let(self._heads.four(position, head, quad)) for position in positions))
            else:
                both = zip(positions, scales, strict=True)
                body(quad, (let(self._unpacked(position, head, quad, scale)) for position, scale in both))

        if self._scales is None:
            with loop(self._quads) as quad:
                step(quad, ())
            return
        with loop(self._groups) as group:
            scales = [self._scale(position, head, group) for position in positions]
            most = QUADS if self._quads % QUADS == 0 else T.min(self._quads - group * QUADS, QUADS)
            with loop(most) as i:
                step(let(group * QUADS + i), scales)

    def _scale(self, position: Expr, head: Expr, group: Expr) -> Expr:
        assert self._scales is not None
        pair = T.call_pure_extern("float32x2", "unpack2x16float", self._scales[position, head, group])
        return hold(lane(pair, self._half))

    def _unpacked(self, position: Expr, head: Expr, quad: Expr, scale: Expr) -> Expr:
        values = T.call_pure_extern("float32x4", "unpack4x8snorm", self._words[position, head, quad])
        return values * T.broadcast(scale, 4)


def cache_rows(k: KernelBuilder, shape: AttentionShape, form: str) -> tuple[CacheRows, CacheRows]:
    """The keys and the values of a cache, to be read."""
    q8 = form == "q8"
    scales = k.buffer("cache_scales", (shape.positions, shape.kv_heads, groups(shape)), "uint32") if q8 else None
    return CacheRows(k, "k_cache", shape, form, scales), CacheRows(k, "v_cache", shape, form, scales)


class Q8Writer:
    """A q8 cache, to be written by workgroups that each have a row of keys and one of values."""

    def __init__(self, k: KernelBuilder, shape: AttentionShape) -> None:
        self._size, self._quads = shape.size, quads(shape)
        words = (shape.positions, shape.kv_heads, self._quads)
        self._words = [k.buffer(name, words, "uint32") for name in ("k_cache", "v_cache")]
        self._scales = k.buffer("cache_scales", (shape.positions, shape.kv_heads, groups(shape)), "uint32")

    def write(
        self, position: Expr, head: Expr, rows: Sequence[Buffer], thread: Expr, threads: int, *, only: Expr
    ) -> None:
        """Rounds the rows, which are in workgroup memory and filled to whole quads; does nothing unless `only`."""
        tops = [shared(self._quads) for _ in rows]
        if rest := 4 * self._quads - self._size:
            with when(thread < rest):
                for row in rows:
                    store(row, self._size + thread, const(0.0))
        barrier()
        with strided(thread, self._quads, threads) as quad:
            for row, top in zip(rows, tops, strict=True):
                largest = T.abs(row[quad * 4])
                for i in range(1, 4):
                    largest = T.max(largest, T.abs(row[quad * 4 + i]))
                store(top, quad, largest)
        barrier()
        with when(only), strided(thread, self._quads, threads) as quad:
            group = let(T.shift_right(quad, 3))
            scales = []
            for row, top, words in zip(rows, tops, self._words, strict=True):
                scale = Cell(const(0.0))
                with loop(QUADS) as i:
                    scale.set(T.max(scale.get(), top[T.min(group * QUADS + i, self._quads - 1)]))
                # A run of zeros has no scale to be divided by.
                by = hold(choose(scale.get() > const(0.0), const(1.0) / scale.get(), const(0.0)))
                four = T.Shuffle([row[quad * 4 + i] * by for i in range(4)], [0, 1, 2, 3])
                store(words, (position, head, quad), T.call_pure_extern("uint32", "pack4x8snorm", four))
                scales.append(scale.get())
            with when(quad % QUADS == 0):
                pair = T.call_pure_extern("uint32", "pack2x16float", T.Shuffle(scales, [0, 1]))
                store(self._scales, (position, head, group), pair)
