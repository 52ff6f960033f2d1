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


class Tally:
    """The sums of the blocks so far; blocks in the same order give the same bits."""

    def __init__(self) -> None:
        self._difference, self._square, self._peak = 0.0, 0.0, 0.0

    def add(self, weights: F32, restored: F32) -> None:
        """Counts a block of a matrix in, with what came back of it."""
        difference = weights - restored
        self._difference += float(np.vdot(difference, difference))
        self._square += float(np.vdot(weights, weights))
        self._peak = max(self._peak, float(difference.max()), -float(difference.min()))

    def error(self, name: str, form: str) -> TensorError:
        """The error of the matrix whose blocks were counted in."""
        relative = (self._difference / self._square) ** 0.5 if self._square else 0.0
        return TensorError(name, form, relative, self._peak)
