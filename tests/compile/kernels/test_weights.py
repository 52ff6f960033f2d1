"""How kernels unpack a group of weights: exactly what quantise.py says that it holds."""

import numpy as np
import pytest
from windowseat.compile.kernels.common import Kernel, KernelBuilder, hold, lane, store
from windowseat.compile.kernels.weights import QuantisedMatrix

from tests.compile.machine import Machine, matrix


def unpack(rows: int, width: int, form: str) -> Kernel:
    """A kernel that writes every group, padding included; a workgroup per row and group."""
    groups = -(-width // 32)
    k = KernelBuilder(f"unpack_{form}_{rows}x{width}", (rows, groups), 1)
    weights = QuantisedMatrix(k, "w", rows, width, form)
    y = k.buffer("y", (rows, groups * 32), "float32")
    with k.threads() as (row, group, _):
        at = weights.at(row, group)
        values, scale = weights.unpack(weights.group(at)), weights.scale(at)
        for i, value in enumerate(values):
            four = hold(value, "float32x4")
            for j in range(4):
                store(y, (row, group * 32 + i * 4 + j), lane(four, j) * (1.0 if scale is None else scale))
    return k.finish()


@pytest.mark.parametrize("form", ["q4", "q8", "f16", "f32"])
@pytest.mark.parametrize(("rows", "width"), [(3, 64), (5, 33)])
def test_every_weight_is_unpacked_exactly_and_padding_is_zero(
    f32_machine: Machine, rows: int, width: int, form: str
) -> None:
    weights, w = matrix(1, rows, width, form)
    y = f32_machine.run(unpack(rows, width, form), {**weights, "y": np.full((rows, 64), 7, np.float32)}, {})["y"]
    np.testing.assert_array_equal(y[:, :width], w)
    np.testing.assert_array_equal(y[:, width:], 0)
