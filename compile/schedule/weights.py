"""The weights of a model, and the norm that follows each of its operations."""

from collections.abc import Sequence

from ..models.layers import (
    Attention,
    Embed,
    GatedDelta,
    Head,
    Matrix,
    Model,
    NormProject,
    NormSwiGlu,
    Operation,
    ProjectAdd,
    Vector,
)


def weights_of(model: Model) -> list[Matrix | Vector]:
    """Every weight once, in the order of use."""
    found: dict[str, Matrix | Vector] = {}
    for operation in model.operations:
        for weight in _weights(operation):
            found.setdefault(weight.name, weight)
    return list(found.values())


def _weights(operation: Operation) -> Sequence[Matrix | Vector]:
    match operation:
        case Embed(table):
            return (table,)
        case NormProject(norm, _, into):
            return (norm, *(matrix for matrix, _ in into))
        case NormSwiGlu(norm, _, matrix, _) | Head(norm, _, matrix):
            return (norm, matrix)
        case ProjectAdd(_, matrix):
            return (matrix,)
        case GatedDelta():
            return (operation.conv, operation.decay_dt, operation.norm)
        case Attention():
            vectors = (operation.bias, operation.qk_norm, operation.rope)
            return tuple(vector for vector in vectors if vector is not None)


def following_norms(model: Model) -> list[Vector]:
    """For each operation the norm that comes after it; for the last one, its own."""
    norms: list[Vector] = []
    following: Vector | None = None
    for operation in reversed(model.operations):
        own = operation.norm if isinstance(operation, NormProject | NormSwiGlu | Head) else None
        norm = following or own
        if norm is None:
            raise ValueError("a model ends with its head")
        norms.append(norm)
        following = own or following
    return norms[::-1]
