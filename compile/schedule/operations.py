"""A model's operations, one after the other, into the programs of the plan."""

from collections.abc import Iterator
from typing import assert_never

from ..models.layers import (
    Attention,
    BodyOperation,
    Embed,
    GatedDelta,
    Head,
    Model,
    NormProject,
    NormSwiGlu,
    ProjectAdd,
    Vector,
)
from ..variants import Variant
from .attention import attention_chunk, attention_step
from .gated_delta import delta_chunk, delta_step
from .matrices import (
    embed_of,
    embed_row_of,
    last_row_of,
    matmul_of,
    matvec_add_of,
    matvec_of,
    most_squares,
    normed,
    projections,
)
from .sampling import sampling
from .weights import following_norms
from .workspace import Launch, Schedule, Workspace


def schedule(model: Model, quantisation: str, variant: Variant) -> Schedule:
    """All launches of a model in a variant."""
    w = Workspace(quantisation, variant)
    w.io("tokens", w.chunk * 4)
    w.io("hidden", w.chunk * model.hidden * 4)
    w.io("logits", model.vocabulary * 4)
    w.io("scaled", model.hidden * 4)
    w.io("squares", most_squares(w, model) * 4)
    for operation, norm in zip(model.operations, following_norms(model), strict=True):
        if isinstance(operation, Head):
            w.enter("prefill", [last_row_of(w, operation)])
            w.enter("head", matvec_of(w, operation.matrix, "logits", "float32", "store", operation.eps))
        else:
            w.enter("prefill", _prefill(w, operation))
            w.enter("decode", _decode(w, operation, norm))
    sampling(w, model.vocabulary)
    return w.schedule


def _prefill(w: Workspace, operation: BodyOperation) -> Iterator[Launch]:
    match operation:
        case Embed(table):
            yield from embed_of(w, table)
        case NormProject(norm, eps, into):
            x = yield from normed(w, norm, eps)
            for matrix, value in into:
                yield from matmul_of(w, matrix, x, w.act, w.named(value), w.dtype(value), "store")
        case NormSwiGlu(norm, eps, matrix, into):
            x = yield from normed(w, norm, eps)
            yield from matmul_of(w, matrix, x, w.act, w.named(into), w.dtype(into), "swiglu")
        case ProjectAdd(value, matrix):
            yield from matmul_of(w, matrix, w.named(value), w.dtype(value), "hidden", "float32", "add")
        case GatedDelta():
            yield from delta_chunk(w, operation)
        case Attention():
            yield from attention_chunk(w, operation)
        case _:
            assert_never(operation)


def _decode(w: Workspace, operation: BodyOperation, norm: Vector) -> Iterator[Launch]:
    match operation:
        case Embed(table):
            yield from embed_row_of(w, table, norm)
        case NormProject(_, eps, into):
            yield from projections(w, into, eps)
        case NormSwiGlu(_, eps, matrix, into):
            yield from matvec_of(w, matrix, w.named(into), w.dtype(into), "swiglu", eps)
        case ProjectAdd(value, matrix):
            yield from matvec_add_of(w, matrix, value, norm)
        case GatedDelta():
            yield delta_step(w, operation)
        case Attention():
            yield from attention_step(w, operation)
        case _:
            assert_never(operation)
