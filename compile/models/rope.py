"""Rotary position embeddings: what a config says of them, and the table that kernels/rope_cache.py reads.

Frequencies are as trained, or stretched by YaRN (Peng et al. 2023, arXiv 2309.00071).
Reference: transformers, modeling_rope_utils.py.
"""

# R dimensions that turn, in pairs

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import UserError
from ..shapes import FINE, AttentionShape
from .layers import F32, Vector, read_config


@dataclass(frozen=True, slots=True)
class Rope:
    """The rope_parameters of a config.json. With a factor of 1 the frequencies are as trained."""

    rope_theta: float
    partial_rotary_factor: float
    factor: float  # YaRN: slow frequencies are divided by it, fast ones kept, those between blended
    original_max_position_embeddings: int
    attention_factor: float  # q and k are multiplied by it
    beta_fast: float  # turns within the original context: from here on a frequency is kept
    beta_slow: float  # turns: below, a frequency is divided by the whole factor
    truncate: bool  # whether the blend starts and ends at whole pairs

    def frequencies(self, rotary: int) -> F32:
        """Radians per position [R/2], rounded to f32 as transformers rounds them."""
        exponents = np.arange(0, rotary, 2, dtype=np.float32) / np.float32(rotary)
        trained: F32 = np.float32(1) / np.float32(self.rope_theta) ** exponents
        if self.factor == 1:
            return trained
        low, high = (
            rotary
            * math.log(self.original_max_position_embeddings / (turns * 2 * math.pi))
            / 2
            / math.log(self.rope_theta)
            for turns in (self.beta_fast, self.beta_slow)
        )
        if self.truncate:
            low, high = math.floor(low), math.ceil(high)
        low, high = max(low, 0), min(high, rotary - 1)
        pairs = np.arange(len(trained), dtype=np.float32)
        slow = np.clip((pairs - np.float32(low)) / np.float32(high - low or 0.001), 0, 1)
        blended: F32 = trained / np.float32(self.factor) * slow + trained * (1 - slow)
        return blended

    def positions(self, trained: int) -> int:
        """The longest context of a model that was trained with so many positions."""
        return max(trained, int(self.factor * self.original_max_position_embeddings))


def read_rope(text: Mapping[str, Any], source: str) -> Rope:
    """What a config says in rope_parameters, or in rope_scaling and beside it; UserError if it cannot be."""
    given = text.get("rope_scaling") or text.get("rope_parameters") or {}
    if not isinstance(given, Mapping):
        raise UserError(f"config.json of {source} has {given!r} where RoPE is described; it must be an object.")
    kind = given.get("rope_type", given.get("type", "default"))
    if kind not in ("default", "yarn"):
        raise UserError(
            f"config.json of {source} scales RoPE by {kind!r}, which is not known here; set rope_type to 'default' to"
            " run the model within the context it was trained with."
        )
    if odd := given.keys() & {"mscale", "mscale_all_dim"}:
        raise UserError(f"config.json of {source} has {min(odd)} in rope_scaling, which is not known here.")
    factor = given.get("factor") if kind == "yarn" else 1.0
    defaults = {
        "rope_theta": text.get("rope_theta"),
        "partial_rotary_factor": text.get("partial_rotary_factor", 1.0),
        "original_max_position_embeddings": text.get("max_position_embeddings"),
        "attention_factor": 0.1 * math.log(factor) + 1 if isinstance(factor, int | float) and factor > 1 else 1.0,
        "beta_fast": 32,
        "beta_slow": 1,
        "truncate": True,
    }
    stated = {name: value for name, value in given.items() if value is not None}
    rope = read_config(Rope, {**defaults, **stated, "factor": factor}, source)
    if rope.rope_theta <= 1 or rope.factor < 1:
        raise UserError(f"config.json of {source} has a rope_theta or a factor in rope_scaling that is below 1.")
    return rope


def rope_vector(rope: Rope, shape: AttentionShape) -> Vector:
    """cos and sin [FINE + coarse, R/2, 2]: positions 0..FINE-1, then 0, FINE, 2·FINE, ... (kernels/rope_cache.py).

    The angles are exact. The fine half carries the attention factor, which their product then has once.
    """

    def make(_: Sequence[F32]) -> F32:
        coarse = shape.table_rows - FINE
        at = np.concatenate([np.arange(FINE), np.arange(coarse) * FINE])
        angles = at[:, None] * rope.frequencies(shape.rotary).astype(np.float64)
        table = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        table[:FINE] *= rope.attention_factor
        return table.astype(np.float32)

    return Vector("rope", (), make, shape.table_rows * shape.rotary)
