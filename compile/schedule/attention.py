"""Launches of attention, and its cache."""

from collections.abc import Iterator

from ..kernels.attention import attention
from ..kernels.rope_cache import rope_cache
from ..models.layers import Attention
from .workspace import SIZES, Launch, Workspace


def attend(w: Workspace, op: Attention) -> Iterator[Launch]:
    """Prefill and decode: q, k and v into the cache, then the mixture of values."""
    s = op.shape
    per_position = s.kv_heads * s.size * SIZES[w.act]
    caches = {x: w.state(f"{op.name}.{x}", 0, per_position) for x in ("k_cache", "v_cache")}
    projected = w.named(op.projected)
    q = w.scratch(f"{op.name}.q", s.heads * s.size, w.act)
    norms = {"q_norm": op.q_norm.name, "k_norm": op.k_norm.name, "rope": op.rope.name}
    kernel = rope_cache(s, chunk=w.chunk, act=w.act, eps=op.eps)
    yield Launch(kernel, {"projected": projected, "q": q, **norms, **caches})
    gate = {"projected": projected} if s.gated else {}
    kernel = attention(s, chunk=w.chunk, act=w.act)
    yield Launch(kernel, {"q": q, "y": w.named(op.into), **gate, **caches})
