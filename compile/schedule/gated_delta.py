"""Launches of the gated delta rule: one for a token, four for a chunk."""

from collections.abc import Iterator

from ..kernels.causal_conv import causal_conv
from ..kernels.delta_pairs import BLOCK, FACTORS, delta_pairs
from ..kernels.delta_scan import delta_scan
from ..kernels.gated_delta_step import gated_delta_step
from ..kernels.gated_norm import gated_norm
from ..models.layers import GatedDelta
from .workspace import Launch, Workspace


def _states(w: Workspace, op: GatedDelta) -> dict[str, str]:
    s = op.shape
    return {
        "ring": w.state(f"{op.name}.ring", s.taps * s.channels * 4),
        "state": w.state(f"{op.name}.state", s.value_heads * s.key_size * s.value_size * 4),
    }


def delta_step(w: Workspace, op: GatedDelta) -> Launch:
    """Decode."""
    bound = _states(w, op) | {
        "projected": w.named(op.projected),
        "gates": w.named(op.gates),
        "conv": op.conv.name,
        "decay_dt": op.decay_dt.name,
        "norm": op.norm.name,
        "y": w.named(op.into),
    }
    return Launch(gated_delta_step(op.shape, tuning=w.tuning, act=w.act, eps=op.eps), bound)


def delta_chunk(w: Workspace, op: GatedDelta) -> Iterator[Launch]:
    """Prefill."""
    s, act, states = op.shape, w.act, _states(w, op)
    kept = {f"{name}_kept": w.kept(state) for name, state in states.items()}
    projected = w.named(op.projected)
    convolved = {
        "queries_keys": w.scratch(f"{op.name}.queries_keys", 2 * s.keys, act),
        "values": w.scratch(f"{op.name}.values", s.values, act),
    }
    solved = {
        "factors": w.scratch(f"{op.name}.factors", s.value_heads * FACTORS, "float32"),
        "inverse": w.scratch(f"{op.name}.inverse", s.value_heads * BLOCK, "float32"),
        "mixture": w.scratch(f"{op.name}.mixture", s.value_heads * BLOCK, "float32"),
    }
    outputs = w.scratch(f"{op.name}.outputs", s.values, "float32")
    yield Launch(
        causal_conv(s, chunk=w.chunk, act=act),
        {
            "projected": projected,
            "conv": op.conv.name,
            "ring": states["ring"],
            "ring_kept": kept["ring_kept"],
            **convolved,
        },
    )
    yield Launch(
        delta_pairs(s, tuning=w.tuning, chunk=w.chunk, act=act),
        {
            "queries_keys": convolved["queries_keys"],
            "gates": w.named(op.gates),
            "decay_dt": op.decay_dt.name,
            **solved,
        },
    )
    yield Launch(
        delta_scan(s, tuning=w.tuning, chunk=w.chunk, act=act),
        {**convolved, **solved, "state": states["state"], "state_kept": kept["state_kept"], "outputs": outputs},
    )
    yield Launch(
        gated_norm(s, tuning=w.tuning, chunk=w.chunk, act=act, eps=op.eps),
        {"outputs": outputs, "projected": projected, "norm": op.norm.name, "y": w.named(op.into)},
    )
