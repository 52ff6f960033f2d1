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
    vectors = {"rope": op.rope, "qk_norm": op.qk_norm, "bias": op.bias}
    bound = {parameter: vector.name for parameter, vector in vectors.items() if vector is not None}
    normed, biased = op.qk_norm is not None, op.bias is not None
    kernel = rope_cache(s, chunk=w.chunk, act=w.act, normed=normed, eps=op.eps, biased=biased)
    yield Launch(kernel, {"projected": projected, "q": q, **bound, **caches})
    gate = {"projected": projected} if s.gated else {}
    kernel = attention(s, chunk=w.chunk, act=w.act)
    yield Launch(kernel, {"q": q, "y": w.named(op.into), **gate, **caches})
