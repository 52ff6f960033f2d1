"""The last token's row, ready for the norm in front of the head."""

import numpy as np
import pytest
from windowseat.compile.kernels.last_row import last_row, reference

from tests.compile.machine import Machine, exact, normal


@pytest.mark.parametrize(("tokens", "width", "squares"), [(1, 64, 1), (3, 100, 5), (4, 33, 2)])
def test_the_last_row_is_scaled_and_its_squares_summed(
    f32_machine: Machine, tokens: int, width: int, squares: int
) -> None:
    hidden, norm = normal(1, 4, width), normal(2, width)
    arrays = {"hidden": hidden, "norm": norm, "scaled": np.zeros(width, np.float32), "squares": normal(3, squares)}
    found = f32_machine.run(last_row(width, chunk=4, squares=squares), arrays, {"tokens": tokens})
    scaled, square = reference(exact(hidden[:tokens]), exact(norm))
    f32_machine.agree(found["scaled"], scaled)
    np.testing.assert_allclose(found["squares"][0], square, rtol=1e-5)
    np.testing.assert_array_equal(found["squares"][1:], 0)
