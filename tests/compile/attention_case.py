"""Attention over a random cache: what every kernel of it is tested with."""

# P positions, T tokens

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from windowseat.compile.kernels.attention import reference
from windowseat.compile.kernels.common import Kernel
from windowseat.compile.kernels.kv_cache import quantised, restored
from windowseat.compile.shapes import AttentionShape

from tests.compile.machine import F64, Array, Machine, exact

POSITIONS = 320
GATED = AttentionShape(heads=4, kv_heads=2, size=64, rotary=32, positions=POSITIONS, gated=True)
ODD = AttentionShape(heads=3, kv_heads=1, size=80, rotary=20, positions=POSITIONS, gated=False)
WIDE = AttentionShape(heads=4, kv_heads=1, size=256, rotary=64, positions=POSITIONS, gated=True)
NARROW = AttentionShape(heads=14, kv_heads=2, size=6, rotary=2, positions=POSITIONS, gated=True)
SHAPES = [GATED, ODD, WIDE, NARROW]
LONG = replace(NARROW, positions=3100)


@dataclass(frozen=True)
class Case:
    """Some tokens that attend to all positions up to their own; rows after those are NaN: nobody may look at them."""

    machine: Machine
    shape: AttentionShape
    form: str  # of the cache
    position: int
    tokens: int = 1
    chunk: int = 1
    sharpness: float = 1.0

    def agrees(self, kernels: Sequence[Kernel], **between: Array) -> None:
        """Fails unless the kernels, one after the other, find what the reference does; `between` them lie buffers."""
        s, machine, filled = self.shape, self.machine, self.position + self.tokens
        q = machine.normal(1, self.chunk, s.heads, s.size) * np.dtype(machine.act).type(self.sharpness)
        projected = machine.normal(4, self.chunk, s.projected)
        k, k_rows = self._cache(2, filled)
        v, v_rows = self._cache(3, filled)
        arrays = {"q": q, "projected": projected, "y": np.full_like(q, np.nan), "k_cache": k[0], "v_cache": v[0]}
        if self.form == "q8":
            arrays["cache_scales"] = np.stack([k[1], v[1]], axis=-1).view(np.uint32)
        arrays |= between
        for kernel in kernels:
            bound = {name: arrays[name] for name in kernel.buffers}
            arrays |= machine.run(kernel, bound, {"position": self.position, "tokens": self.tokens})
        gates = projected[: self.tokens, : s.keys_at].reshape(self.tokens, s.heads, s.query_stride)[:, :, s.size :]
        gate = exact(gates) if s.gated else None
        wanted = reference(s, exact(q[: self.tokens]), k_rows, v_rows, gate)
        machine.agree(arrays["y"][: self.tokens].reshape(self.tokens, -1), wanted)

    def _cache(self, seed: int, filled: int) -> tuple[tuple[Array, ...], F64]:
        """The buffers of a cache, and the rows that they stand for."""
        rows = self.machine.normal(seed, filled, self.shape.kv_heads, self.shape.size)
        after = ((0, self.shape.positions - filled), (0, 0), (0, 0))
        if self.form == "q8":
            levels, scales = quantised(exact(rows))
            words = np.pad(levels, after).view(np.uint32)
            return (words, np.pad(scales, after, constant_values=np.nan)), restored(levels, scales, self.shape.size)
        return (np.pad(rows, after, constant_values=np.nan),), exact(rows)


def partials(rows: int, s: AttentionShape) -> Array:
    """What is between the parts and their sum: NaN, until they write there."""
    return np.full((rows, s.heads, 1 + -(-s.size // 4), 4), np.nan, np.float32)


def full(machine: Machine) -> str:
    """The form of a cache that holds keys and values as they are."""
    return {"float32": "f32", "float16": "f16"}[machine.act]
