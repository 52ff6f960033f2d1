"""RMS norm of each token."""

import numpy as np
import pytest
from windowseat.compile.kernels.rms_norm import reference, rms_norm
from windowseat.compile.tuning import Tuning

from tests.compile.machine import Array, Machine, exact, normal


@pytest.mark.parametrize(("tokens", "width"), [(1, 64), (5, 100), (3, 1), (2, 1027)])
def test_rows_agree_with_the_reference(machine: Machine, tuning: Tuning, tokens: int, width: int) -> None:
    x, norm = normal(1, tokens, width) * 10, normal(2, width)
    arrays: dict[str, Array] = {"x": x, "norm": norm, "y": machine.zeros(tokens, width)}
    kernel = rms_norm(width, tuning=tuning, chunk=tokens, y_dtype=machine.act, eps=1e-6)
    machine.agree(machine.run(kernel, arrays, {"tokens": tokens})["y"], reference(exact(x), exact(norm), 1e-6))


def test_a_small_row_is_held_down_by_eps(machine: Machine, tuning: Tuning) -> None:
    x, norm = normal(1, 2, 96) / 1000, normal(2, 96)
    arrays: dict[str, Array] = {"x": x, "norm": norm, "y": machine.zeros(2, 96)}
    kernel = rms_norm(96, tuning=tuning, chunk=2, y_dtype=machine.act, eps=1e-3)
    machine.agree(machine.run(kernel, arrays, {"tokens": 2})["y"], reference(exact(x), exact(norm), 1e-3))


def test_rows_past_the_last_token_are_left_alone(machine: Machine, tuning: Tuning) -> None:
    before = machine.normal(3, 4, 64)
    arrays = {"x": normal(1, 4, 64), "norm": normal(2, 64), "y": before}
    y = machine.run(rms_norm(64, tuning=tuning, chunk=4, y_dtype=machine.act, eps=1e-6), arrays, {"tokens": 3})["y"]
    np.testing.assert_array_equal(y[3], before[3])
