"""Matrix times vector, in every format, with each epilogue."""

# R rows, K columns

import numpy as np
import pytest
from windowseat.compile.kernels.matvec import matvec, reference

from tests.compile.machine import Machine, exact, matrix, normal

NOTHING = np.zeros(0)


@pytest.mark.parametrize("form", ["q4", "q8", "f16", "f32"])
@pytest.mark.parametrize(("rows", "width"), [(64, 256), (129, 100), (1, 33)])
def test_a_product_agrees_with_its_reference(machine: Machine, rows: int, width: int, form: str) -> None:
    weights, w = matrix(1, rows, width, form)
    x = machine.normal(2, 1, width)
    kernel = matvec(rows, width, form, x_dtype=machine.act, y_dtype=machine.act)
    y = machine.run(kernel, {**weights, "x": x, "y": machine.zeros(rows)}, {})["y"]
    machine.agree(y, reference(w, exact(x[0]), None, 0, "store", NOTHING))


@pytest.mark.parametrize("width", [32, 63, 1000, 1056])
def test_any_number_of_groups_is_shared_among_the_lanes(machine: Machine, width: int) -> None:
    weights, w = matrix(1, 20, width, "q4")
    x = machine.normal(2, 1, width)
    kernel = matvec(20, width, "q4", x_dtype=machine.act, y_dtype=machine.act)
    y = machine.run(kernel, {**weights, "x": x, "y": machine.zeros(20)}, {})["y"]
    machine.agree(y, reference(w, exact(x[0]), None, 0, "store", NOTHING))


@pytest.mark.parametrize(("rows", "width", "form"), [(70, 128, "q4"), (33, 126, "q8"), (5, 33, "f32")])
def test_a_norm_in_front_costs_no_launch(machine: Machine, rows: int, width: int, form: str) -> None:
    weights, w = matrix(1, rows, width, form)
    x, norm = normal(2, 1, width) * 30, normal(3, width)
    kernel = matvec(rows, width, form, x_dtype="float32", y_dtype=machine.act, norm_eps=1e-6)
    y = machine.run(kernel, {**weights, "x": x, "norm": norm, "y": machine.zeros(rows)}, {})["y"]
    machine.agree(y, reference(w, exact(x[0]), exact(norm), 1e-6, "store", NOTHING))


def test_eps_keeps_the_norm_of_nothing_at_zero(machine: Machine) -> None:
    weights, _ = matrix(1, 8, 64, "q4")
    arrays = {**weights, "x": np.zeros((1, 64), np.float32), "norm": normal(3, 64), "y": machine.normal(4, 8)}
    kernel = matvec(8, 64, "q4", x_dtype="float32", y_dtype=machine.act, norm_eps=1e-6)
    np.testing.assert_array_equal(machine.run(kernel, arrays, {})["y"], np.zeros(8))


@pytest.mark.parametrize("tokens", [1, 3, 4])
def test_the_row_of_the_last_token_is_the_one_that_counts(machine: Machine, tokens: int) -> None:
    weights, w = matrix(1, 30, 96, "q4")
    x, norm = normal(2, 4, 96), normal(3, 96)
    kernel = matvec(30, 96, "q4", x_dtype="float32", y_dtype="float32", norm_eps=1e-6, x_rows=4)
    arrays = {**weights, "x": x, "norm": norm, "y": np.zeros(30, np.float32)}
    y = machine.run(kernel, arrays, {"tokens": tokens})["y"]
    machine.agree(y, reference(w, exact(x[tokens - 1]), exact(norm), 1e-6, "store", NOTHING))


@pytest.mark.parametrize(("rows", "width"), [(64, 128), (33, 100)])
def test_the_residual_is_added_to(machine: Machine, rows: int, width: int) -> None:
    weights, w = matrix(1, rows, width, "q4")
    x, residual = machine.normal(2, 1, width), normal(3, rows)
    kernel = matvec(rows, width, "q4", x_dtype=machine.act, y_dtype="float32", epilogue="add")
    y = machine.run(kernel, {**weights, "x": x, "y": residual}, {})["y"]
    machine.agree(y, reference(w, exact(x[0]), None, 0, "add", exact(residual)))


@pytest.mark.parametrize(("rows", "width", "form"), [(256, 128, "q4"), (66, 100, "f16"), (2, 32, "q8")])
def test_swiglu_joins_each_pair_of_rows(machine: Machine, rows: int, width: int, form: str) -> None:
    weights, w = matrix(1, rows, width, form)
    x, norm = normal(2, 1, width) * 3, normal(3, width)
    kernel = matvec(rows, width, form, x_dtype="float32", y_dtype=machine.act, epilogue="swiglu", norm_eps=1e-6)
    y = machine.run(kernel, {**weights, "x": x, "norm": norm, "y": machine.zeros(rows // 2)}, {})["y"]
    machine.agree(y, reference(w, exact(x[0]), exact(norm), 1e-6, "swiglu", NOTHING))


def test_a_part_of_a_matrix_writes_its_own_rows_only(machine: Machine) -> None:
    weights, w = matrix(1, 40, 64, "q8")
    x, before = machine.normal(2, 1, 64), machine.normal(3, 150)
    kernel = matvec(40, 64, "q8", x_dtype=machine.act, y_dtype=machine.act, y_start=100, y_size=150)
    y = machine.run(kernel, {**weights, "x": x, "y": before}, {})["y"]
    machine.agree(y[100:140], reference(w, exact(x[0]), None, 0, "store", NOTHING))
    np.testing.assert_array_equal(y[:100], before[:100])
    np.testing.assert_array_equal(y[140:], before[140:])


def test_a_part_of_a_swiglu_matrix_starts_at_half_its_row(machine: Machine) -> None:
    weights, w = matrix(1, 24, 64, "q4")
    x, before = machine.normal(2, 1, 64), machine.normal(3, 50)
    kernel = matvec(24, 64, "q4", x_dtype=machine.act, y_dtype=machine.act, epilogue="swiglu", y_start=32, y_size=50)
    y = machine.run(kernel, {**weights, "x": x, "y": before}, {})["y"]
    machine.agree(y[32:44], reference(w, exact(x[0]), None, 0, "swiglu", NOTHING))
    np.testing.assert_array_equal(y[:32], before[:32])
    np.testing.assert_array_equal(y[44:], before[44:])
