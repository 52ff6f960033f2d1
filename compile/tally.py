"""What quantisation costs a matrix, summed up block by block."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TensorError:
    """What quantisation cost a matrix: sqrt(Σ(w-ŵ)² / Σw²) and max |w-ŵ|."""

    name: str
    form: str
    relative_rms: float
    max_abs: float


@dataclass(frozen=True, slots=True)
class Tally:
    """Σ(w-ŵ)², Σw² and max |w-ŵ| of some blocks; added in the same order they give the same bits."""

    difference: float = 0.0
    square: float = 0.0
    peak: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.difference + other.difference, self.square + other.square, max(self.peak, other.peak))

    def error(self, name: str, form: str) -> TensorError:
        """The error of the matrix whose blocks these were."""
        return TensorError(name, form, (self.difference / self.square) ** 0.5 if self.square else 0.0, self.peak)


def tally(weights: F32, restored: F32) -> Tally:
    """A block against what came back of it."""
    difference = weights - restored
    return Tally(
        float(np.vdot(difference, difference)),
        float(np.vdot(weights, weights)),
        max(float(difference.max()), -float(difference.min())),
    )
