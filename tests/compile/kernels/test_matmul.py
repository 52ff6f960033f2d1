"""Matrix times many vectors, in every format, with each epilogue, for chunks that are full and that are not."""

# R rows, K columns

import numpy as np
import pytest
from windowseat.compile.kernels.matmul import matmul, reference
from windowseat.compile.tuning import SOFTWARE, Tuning

from tests.compile.machine import Machine, exact, matrix, normal

NOTHING = np.zeros(0)


@pytest.mark.parametrize("form", ["q4", "q8", "f16", "f32"])
@pytest.mark.parametrize(("rows", "width"), [(64, 128), (130, 100), (1, 33)])
def test_a_product_agrees_with_its_reference(
    machine: Machine, tuning: Tuning, rows: int, width: int, form: str
) -> None:
    weights, w = matrix(1, rows, width, form)
    x = machine.normal(2, 12, width)
    kernel = matmul(rows, width, form, tuning=tuning, chunk=12, x_dtype=machine.act, y_dtype=machine.act)
    y = machine.run(kernel, {**weights, "x": x, "y": machine.zeros(12, rows)}, {"tokens": 12})["y"]
    machine.agree(y, reference(w, exact(x), "store", NOTHING))


@pytest.mark.parametrize(
    ("form", "epilogue"), [("q4", "store"), ("q8", "store"), ("f16", "store"), ("q4", "add"), ("q4", "swiglu")]
)
@pytest.mark.parametrize("rows", [1030, 1032])  # the second can be written four columns at a time
def test_one_with_rows_for_many_to_a_thread_does_too(f32_machine: Machine, rows: int, form: str, epilogue: str) -> None:
    width = 65
    weights, w = matrix(1, rows, width, form)
    x, before = f32_machine.normal(2, 9, width), f32_machine.normal(3, 9, rows // (2 if epilogue == "swiglu" else 1))
    kernel = matmul(
        rows, width, form, tuning=SOFTWARE, chunk=9, x_dtype="float32", y_dtype="float32", epilogue=epilogue
    )
    y = f32_machine.run(kernel, {**weights, "x": x, "y": before}, {"tokens": 7})["y"]
    f32_machine.agree(y[:7], reference(w, exact(x[:7]), epilogue, exact(before[:7])))
    np.testing.assert_array_equal(y[7:], before[7:])


@pytest.mark.parametrize("tokens", [1, 4, 5, 16, 17, 32, 33, 63, 64, 65, 70])
def test_rows_past_the_last_token_are_left_alone(machine: Machine, tuning: Tuning, tokens: int) -> None:
    weights, w = matrix(1, 65, 96, "q4")
    x, before = machine.normal(2, 70, 96), machine.normal(3, 70, 65)
    kernel = matmul(65, 96, "q4", tuning=tuning, chunk=70, x_dtype=machine.act, y_dtype=machine.act)
    y = machine.run(kernel, {**weights, "x": x, "y": before}, {"tokens": tokens})["y"]
    machine.agree(y[:tokens], reference(w, exact(x[:tokens]), "store", NOTHING))
    np.testing.assert_array_equal(y[tokens:], before[tokens:])


def test_rows_of_x_past_the_last_token_are_never_used(machine: Machine, tuning: Tuning) -> None:
    weights, w = matrix(1, 10, 64, "q4")
    x = machine.normal(2, 16, 64)
    x[3:] = np.nan
    kernel = matmul(10, 64, "q4", tuning=tuning, chunk=16, x_dtype=machine.act, y_dtype=machine.act)
    y = machine.run(kernel, {**weights, "x": x, "y": machine.zeros(16, 10)}, {"tokens": 3})["y"]
    machine.agree(y[:3], reference(w, exact(x[:3]), "store", NOTHING))


@pytest.mark.parametrize(("rows", "width"), [(64, 128), (33, 100)])
def test_the_residual_is_added_to(machine: Machine, tuning: Tuning, rows: int, width: int) -> None:
    weights, w = matrix(1, rows, width, "q4")
    x, residual = machine.normal(2, 9, width), normal(3, 9, rows)
    kernel = matmul(rows, width, "q4", tuning=tuning, chunk=9, x_dtype=machine.act, y_dtype="float32", epilogue="add")
    y = machine.run(kernel, {**weights, "x": x, "y": residual}, {"tokens": 9})["y"]
    machine.agree(y, reference(w, exact(x), "add", exact(residual)))


@pytest.mark.parametrize(("rows", "width", "form"), [(256, 128, "q4"), (66, 100, "f16"), (2, 32, "q8")])
def test_swiglu_joins_each_pair_of_rows(machine: Machine, tuning: Tuning, rows: int, width: int, form: str) -> None:
    weights, w = matrix(1, rows, width, form)
    x = machine.normal(2, 9, width)
    kernel = matmul(
        rows, width, form, tuning=tuning, chunk=9, x_dtype=machine.act, y_dtype=machine.act, epilogue="swiglu"
    )
    y = machine.run(kernel, {**weights, "x": x, "y": machine.zeros(9, rows // 2)}, {"tokens": 9})["y"]
    machine.agree(y, reference(w, exact(x), "swiglu", NOTHING))


@pytest.mark.parametrize("rows", [40, 1024])
def test_a_part_of_a_matrix_writes_its_own_columns_only(machine: Machine, tuning: Tuning, rows: int) -> None:
    weights, w = matrix(1, rows, 64, "q8")
    end = 100 + rows
    x, before = machine.normal(2, 5, 64), machine.normal(3, 5, end + 12)
    kernel = matmul(
        rows, 64, "q8", tuning=tuning, chunk=5, x_dtype=machine.act, y_dtype=machine.act, y_start=100, y_width=end + 12
    )
    y = machine.run(kernel, {**weights, "x": x, "y": before}, {"tokens": 5})["y"]
    machine.agree(y[:, 100:end], reference(w, exact(x), "store", NOTHING))
    np.testing.assert_array_equal(y[:, :100], before[:, :100])
    np.testing.assert_array_equal(y[:, end:], before[:, end:])
