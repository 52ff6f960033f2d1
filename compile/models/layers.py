"""What a model file is written in: weights, values and the operations between them.

An operation says what is computed, not how: schedule/ turns each one into kernels, differently for prefill and
decode. A value is one row per token.
"""

# T tokens

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar, get_origin

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from ..shapes import AttentionShape, DeltaShape

F32 = NDArray[np.float32]
Make = Callable[[Sequence[F32]], F32]


@dataclass(frozen=True, slots=True)
class Source:
    """A tensor of the checkpoint and the shape that the config implies for it."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    """A quantised matrix: its sources under each other, or, interleaved, row by row in turn.

    An exact one is kept in f32 whatever the quantisation: small, and others depend on it sharply.
    """

    name: str
    sources: tuple[Source, ...]
    interleaved: bool = False
    exact: bool = False

    @property
    def rows(self) -> int:
        return sum(source.shape[0] for source in self.sources)

    @property
    def width(self) -> int:
        return self.sources[0].shape[1]


@dataclass(frozen=True, slots=True)
class Vector:
    """A small f32 tensor, made from its sources (perhaps none) in the form that kernels read."""

    name: str
    sources: tuple[Source, ...]
    make: Make
    size: int


@dataclass(frozen=True, slots=True)
class Value:
    """One row per token between two operations; `exact` ones are f32 in every variant."""

    name: str
    width: int
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Embed:
    """hidden = table[tokens]"""

    table: Matrix


@dataclass(frozen=True, slots=True)
class NormProject:
    """value = rms_norm(hidden) · matrixᵀ, for one or more matrices"""

    norm: Vector
    eps: float
    into: tuple[tuple[Matrix, Value], ...]


@dataclass(frozen=True, slots=True)
class NormSwiGlu:
    """value = silu(gate) · up, where rms_norm(hidden) · matrixᵀ gives gate and up in turn"""

    norm: Vector
    eps: float
    matrix: Matrix
    into: Value


@dataclass(frozen=True, slots=True)
class ProjectAdd:
    """hidden += value · matrixᵀ"""

    value: Value
    matrix: Matrix


@dataclass(frozen=True, slots=True)
class GatedDelta:
    """Convolution, gated delta rule, norm and gate; keeps its state under `name`."""

    name: str
    shape: DeltaShape
    projected: Value
    gates: Value
    conv: Vector
    decay_dt: Vector
    norm: Vector
    eps: float
    into: Value


@dataclass(frozen=True, slots=True)
class Attention:
    """Biases, norm and RoPE of q and k, causal attention over the cache kept under `name`, gate.

    `bias` is as wide as a projected row; `qk_norm` holds the weights for q, then those for k.
    """

    name: str
    shape: AttentionShape
    projected: Value
    bias: Vector | None
    qk_norm: Vector | None
    eps: float
    rope: Vector
    into: Value


@dataclass(frozen=True, slots=True)
class Head:
    """logits = rms_norm(last row of hidden) · matrixᵀ"""

    norm: Vector
    eps: float
    matrix: Matrix


BodyOperation = Embed | NormProject | NormSwiGlu | ProjectAdd | GatedDelta | Attention
Operation = BodyOperation | Head


@dataclass(frozen=True, slots=True)
class Model:
    """A model as the compiler sees it: sizes and one list of operations, from tokens to logits."""

    hidden: int
    vocabulary: int
    positions: int
    operations: tuple[Operation, ...]


def as_it_is(values: Sequence[F32]) -> F32:
    """The sources, flat, one after the other."""
    return np.concatenate([each.reshape(-1) for each in values])


def one_plus(values: Sequence[F32]) -> F32:
    """1 + w of every source: the norms of some families store what they add to one."""
    return 1 + as_it_is(values)


if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ConfigT = TypeVar("ConfigT", bound="DataclassInstance")


def read_config(kind: type[ConfigT], config: dict[str, Any], source: str) -> ConfigT:
    """The dataclass `kind` filled from config.json; UserError names the field that is missing or of the wrong type."""
    values = {}
    for field in fields(kind):
        if field.name not in config:
            raise UserError(f"config.json of {source} has no {field.name!r}, which this architecture needs.")
        value: Any = config[field.name]
        expected: Any = get_origin(field.type) or field.type
        if expected is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if expected is tuple and isinstance(value, list):
            value = tuple(value)
        if not isinstance(value, expected) or (expected is int and (isinstance(value, bool) or value < 1)):
            raise UserError(f"config.json of {source} has {field.name} = {value!r}; it must be a {expected.__name__}.")
        values[field.name] = value
    return kind(**values)
