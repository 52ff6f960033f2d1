"""What a kernel's test needs: a place to run it, numbers to run it with, and a measure of how wrong it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from windowseat.compile.kernels.common import Kernel
from windowseat.compile.quantise import dequantise, quantise
from windowseat.compile.tuning import GPU

Array = NDArray[Any]
F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
Run = Callable[[Kernel, Mapping[str, Array], Mapping[str, float]], dict[str, Array]]


@dataclass(frozen=True, slots=True)
class Machine:
    """A WebGPU implementation, the type that activations have there, and the error that this type may cause."""

    run: Run
    act: str
    tolerance: float  # of the largest value
    together: int = GPU.together  # as kernels for such adapters have it

    def normal(self, seed: int, *shape: int) -> Array:
        """Random activations."""
        return normal(seed, *shape).astype(self.act)

    def zeros(self, *shape: int) -> Array:
        """An activation to be written."""
        return np.zeros(shape, self.act)

    def agree(self, got: Array, wanted: F64) -> None:
        """Fails where a value is further off than the type explains."""
        np.testing.assert_allclose(got.astype(np.float64), wanted, rtol=0, atol=self.tolerance * np.abs(wanted).max())


def normal(seed: int, *shape: int) -> F32:
    """Random values of variance one."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def exact(array: Array) -> F64:
    """The same numbers in f64."""
    return array.astype(np.float64)


def matrix(seed: int, rows: int, width: int, form: str) -> tuple[dict[str, Array], F64]:
    """A random quantised matrix: its buffers, and the weights that they stand for."""
    packed = quantise((normal(seed, rows, width) / 8).astype(np.float32), form)
    buffers = {"w_words": packed.words, "w_scales": packed.scales}
    return {name: each for name, each in buffers.items() if each is not None}, exact(dequantise(packed, width, form))
