"""Launches of attention, and its cache."""

from collections.abc import Iterator

from ..kernels import attention_plain as plain
from ..kernels import attention_split as split
from ..kernels import attention_tiled as tiled
from ..kernels.attention_merge import attention_merge, numbers
from ..kernels.kv_cache import buffer_bytes
from ..kernels.rope_cache import rope_cache
from ..models.layers import Attention
from .workspace import Launch, Workspace


def attention_chunk(w: Workspace, op: Attention) -> Iterator[Launch]:
    """Prefill: q, k and v into the cache, then the mixture of values."""
    s, caches = op.shape, _caches(w, op)
    yield _rope(w, op, caches)
    queries, end = {"q": _queries(w, op), **caches}, {"y": w.named(op.into), **_gate(w, op)}
    if not w.tuning.software:
        rows = tiled.rows_of(s, w.chunk)
        partials = {"partials": w.scratch(f"{op.name}.partials", -(-rows * numbers(s) // w.chunk), "float32")}
        kernel = tiled.attention_tiled(s, chunk=w.chunk, act=w.act, kv_cache=w.kv_cache)
        yield Launch(kernel, queries | partials)
        kernel = attention_merge(s, rows=rows, chunk=w.chunk, tuning=w.tuning, act=w.act)
        yield Launch(kernel, end | partials)
        return
    reach = plain.reach(s, w.kv_cache)
    launches, bound = -(-s.positions // reach), queries | end
    if launches > 1:
        bound["walked"] = w.scratch(f"{op.name}.walked", s.heads * 4, "float32")
    for i in range(launches):
        yield Launch(plain.attention_plain(s, chunk=w.chunk, kv_cache=w.kv_cache, first=i == 0), bound, past=i * reach)


def attention_step(w: Workspace, op: Attention) -> Iterator[Launch]:
    """Decode: the same for one token, the positions split among workgroups or threads."""
    s, caches = op.shape, _caches(w, op)
    yield _rope(w, op, caches)
    splits = plain.splits_of(s, w.kv_cache) if w.tuning.software else split.splits_of(s)
    partials = w.scratch(f"{op.name}.partials", splits.numbers(s), "float32")
    if w.tuning.software:
        kernel = plain.attention_plain_split(s, splits=splits, kv_cache=w.kv_cache)
    else:
        kernel = split.attention_split(s, splits=splits, act=w.act, kv_cache=w.kv_cache)
    yield Launch(kernel, {"q": _queries(w, op), "partials": partials, **caches})
    kernel = attention_merge(s, rows=splits.count, tuning=w.tuning, act=w.act)
    yield Launch(kernel, {"partials": partials, "y": w.named(op.into), **_gate(w, op)})


def _rope(w: Workspace, op: Attention, caches: dict[str, str]) -> Launch:
    vectors = {"rope": op.rope, "qk_norm": op.qk_norm, "bias": op.bias}
    bound = {parameter: vector.name for parameter, vector in vectors.items() if vector is not None}
    kernel = rope_cache(
        op.shape,
        tuning=w.tuning,
        chunk=w.chunk,
        act=w.act,
        kv_cache=w.kv_cache,
        normed=op.qk_norm is not None,
        eps=op.eps,
        biased=op.bias is not None,
    )
    return Launch(kernel, {"projected": w.named(op.projected), "q": _queries(w, op), **bound, **caches})


def _caches(w: Workspace, op: Attention) -> dict[str, str]:
    sizes = buffer_bytes(op.shape, w.kv_cache)
    return {name: w.state(f"{op.name}.{name}", 0, size) for name, size in sizes.items()}


def _queries(w: Workspace, op: Attention) -> str:
    return w.scratch(f"{op.name}.q", op.shape.heads * op.shape.size, w.act)


def _gate(w: Workspace, op: Attention) -> dict[str, str]:
    return {"projected": w.named(op.projected)} if op.shape.gated else {}
