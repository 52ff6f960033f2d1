"""Matrix times vector, in every format and tuning, with each epilogue."""

# R rows, K columns

import numpy as np
import pytest
from windowseat.compile.kernels.matvec import add_reference, matvec, matvec_add, reference, workgroups
from windowseat.compile.tuning import GPU_SUBGROUPS, SOFTWARE, Tuning

from tests.compile.machine import Machine, exact, matrix, normal


@pytest.mark.parametrize("form", ["q4", "q8", "f16", "f32"])
@pytest.mark.parametrize(("rows", "width"), [(64, 256), (129, 100), (1, 33)])
def test_a_product_agrees_with_its_reference(
    machine: Machine, tuning: Tuning, rows: int, width: int, form: str
) -> None:
    weights, w = matrix(1, rows, width, form)
    x = machine.normal(2, 1, width)
    kernel = matvec(rows, width, form, tuning=tuning, x_dtype=machine.act, y_dtype=machine.act)
    y = machine.run(kernel, {**weights, "x": x, "y": machine.zeros(rows)}, {})["y"]
    machine.agree(y, reference(w, exact(x[0]), None, 0, "store"))


@pytest.mark.parametrize("width", [32, 63, 1000, 1056])
def test_any_number_of_groups_is_shared_among_the_lanes(machine: Machine, tuning: Tuning, width: int) -> None:
    weights, w = matrix(1, 20, width, "q4")
    x = machine.normal(2, 1, width)
    kernel = matvec(20, width, "q4", tuning=tuning, x_dtype=machine.act, y_dtype=machine.act)
    y = machine.run(kernel, {**weights, "x": x, "y": machine.zeros(20)}, {})["y"]
    machine.agree(y, reference(w, exact(x[0]), None, 0, "store"))


@pytest.mark.parametrize(("rows", "width", "count"), [(70, 128, 1), (33, 126, 7), (5, 33, 70)])
def test_a_norm_in_front_is_one_factor_for_all_rows(
    machine: Machine, tuning: Tuning, rows: int, width: int, count: int
) -> None:
    weights, w = matrix(1, rows, width, "q4")
    x, squares = normal(2, 1, width) * 30, normal(3, count) ** 2
    kernel = matvec(rows, width, "q4", tuning=tuning, x_dtype="float32", y_dtype=machine.act, squares=count, eps=1e-6)
    y = machine.run(kernel, {**weights, "x": x, "squares": squares, "y": machine.zeros(rows)}, {})["y"]
    machine.agree(y, reference(w, exact(x[0]), exact(squares), 1e-6, "store"))


def test_eps_keeps_the_norm_of_nothing_at_zero(machine: Machine, tuning: Tuning) -> None:
    weights, _ = matrix(1, 8, 64, "q4")
    arrays = {**weights, "x": np.zeros((1, 64), np.float32), "squares": np.zeros(2, np.float32)}
    kernel = matvec(8, 64, "q4", tuning=tuning, x_dtype="float32", y_dtype=machine.act, squares=2, eps=1e-6)
    y = machine.run(kernel, {**arrays, "y": machine.normal(4, 8)}, {})["y"]
    np.testing.assert_array_equal(y, np.zeros(8))


@pytest.mark.parametrize(("rows", "width", "form"), [(256, 128, "q4"), (66, 100, "f16"), (2, 32, "q8")])
def test_swiglu_joins_each_pair_of_rows(machine: Machine, tuning: Tuning, rows: int, width: int, form: str) -> None:
    weights, w = matrix(1, rows, width, form)
    x, squares = normal(2, 1, width) * 3, normal(3, 4) ** 2 * width
    kernel = matvec(
        rows,
        width,
        form,
        tuning=tuning,
        x_dtype="float32",
        y_dtype=machine.act,
        epilogue="swiglu",
        squares=4,
        eps=1e-6,
    )
    y = machine.run(kernel, {**weights, "x": x, "squares": squares, "y": machine.zeros(rows // 2)}, {})["y"]
    machine.agree(y, reference(w, exact(x[0]), exact(squares), 1e-6, "swiglu"))


@pytest.mark.parametrize(("rows", "exact_rows"), [(70, 6), (16, 64), (1, 1)])
def test_an_exact_matrix_rides_along(machine: Machine, tuning: Tuning, rows: int, exact_rows: int) -> None:
    weights, w = matrix(1, rows, 96, "q4")
    beside, b = matrix(5, exact_rows, 96, "f32")
    x, squares = normal(2, 1, 96), normal(3, 3) ** 2
    kernel = matvec(
        rows,
        96,
        "q4",
        tuning=tuning,
        x_dtype="float32",
        y_dtype=machine.act,
        squares=3,
        eps=1e-6,
        exact_rows=exact_rows,
    )
    arrays = {**weights, "e_words": beside["w_words"], "x": x, "squares": squares, "y": machine.zeros(rows)}
    found = machine.run(kernel, {**arrays, "exact": np.zeros(exact_rows, np.float32)}, {})
    machine.agree(found["y"], reference(w, exact(x[0]), exact(squares), 1e-6, "store"))
    machine.agree(found["exact"], reference(b, exact(x[0]), exact(squares), 1e-6, "store"))


@pytest.mark.parametrize(("epilogue", "sizes"), [("store", (70, 33)), ("store", (64, 1)), ("swiglu", (64, 10))])
def test_the_next_part_of_a_matrix_follows(
    machine: Machine, tuning: Tuning, epilogue: str, sizes: tuple[int, int]
) -> None:
    first, w = matrix(1, sizes[0], 96, "q4")
    following, n = matrix(5, sizes[1], 96, "q4")
    x, squares = normal(2, 1, 96), normal(3, 3) ** 2
    kernel = matvec(
        sizes[0],
        96,
        "q4",
        tuning=tuning,
        x_dtype="float32",
        y_dtype=machine.act,
        epilogue=epilogue,
        squares=3,
        eps=1e-6,
        next_rows=sizes[1],
    )
    both = {**first, **{name.replace("w_", "n_"): array for name, array in following.items()}}
    wanted = reference(np.concatenate([w, n]), exact(x[0]), exact(squares), 1e-6, epilogue)
    found = machine.run(kernel, {**both, "x": x, "squares": squares, "y": machine.zeros(len(wanted))}, {})
    machine.agree(found["y"], wanted)


def test_a_part_of_a_matrix_writes_its_own_rows_only(machine: Machine, tuning: Tuning) -> None:
    weights, w = matrix(1, 40, 64, "q8")
    x, before = machine.normal(2, 1, 64), machine.normal(3, 150)
    kernel = matvec(40, 64, "q8", tuning=tuning, x_dtype=machine.act, y_dtype=machine.act, y_start=100, y_size=150)
    y = machine.run(kernel, {**weights, "x": x, "y": before}, {})["y"]
    machine.agree(y[100:140], reference(w, exact(x[0]), None, 0, "store"))
    np.testing.assert_array_equal(y[:100], before[:100])
    np.testing.assert_array_equal(y[140:], before[140:])


def test_a_part_of_a_swiglu_matrix_starts_at_half_its_row(machine: Machine, tuning: Tuning) -> None:
    weights, w = matrix(1, 24, 64, "q4")
    x, before = machine.normal(2, 1, 64), machine.normal(3, 50)
    kernel = matvec(
        24,
        64,
        "q4",
        tuning=tuning,
        x_dtype=machine.act,
        y_dtype=machine.act,
        epilogue="swiglu",
        y_start=32,
        y_size=50,
    )
    y = machine.run(kernel, {**weights, "x": x, "y": before}, {})["y"]
    machine.agree(y[32:44], reference(w, exact(x[0]), None, 0, "swiglu"))
    np.testing.assert_array_equal(y[:32], before[:32])
    np.testing.assert_array_equal(y[44:], before[44:])


@pytest.mark.parametrize("form", ["q4", "q8", "f16"])
def test_one_with_rows_for_many_to_a_thread_agrees_too(f32_machine: Machine, form: str) -> None:
    weights, w = matrix(1, 520, 65, form)
    x = f32_machine.normal(2, 1, 65)
    kernel = matvec(520, 65, form, tuning=SOFTWARE, x_dtype="float32", y_dtype="float32")
    y = f32_machine.run(kernel, {**weights, "x": x, "y": f32_machine.zeros(520)}, {})["y"]
    f32_machine.agree(y, reference(w, exact(x[0]), None, 0, "store"))


@pytest.mark.parametrize(("rows", "width"), [(64, 128), (33, 100), (600, 32)])
def test_the_residual_is_added_to_and_the_next_norm_prepared(
    machine: Machine, tuning: Tuning, rows: int, width: int
) -> None:
    weights, w = matrix(1, rows, width, "q4")
    x, hidden, norm = machine.normal(2, 1, width), normal(3, rows), normal(4, rows)
    kernel = matvec_add(rows, width, "q4", tuning=tuning, x_dtype=machine.act)
    arrays = {**weights, "x": x, "hidden": hidden, "norm": norm, "scaled": normal(5, rows)}
    found = machine.run(kernel, {**arrays, "squares": normal(6, workgroups(rows, width, tuning))}, {})
    new, scaled, square = add_reference(w, exact(x[0]), exact(hidden), exact(norm))
    machine.agree(found["hidden"], new)
    machine.agree(found["scaled"], scaled)
    np.testing.assert_allclose(exact(found["squares"]).sum(), square, rtol=machine.tolerance)


def test_a_part_of_a_residual_leaves_the_rest_alone(machine: Machine, tuning: Tuning) -> None:
    weights, w = matrix(1, 40, 64, "q4")
    x, hidden, norm = machine.normal(2, 1, 64), normal(3, 150), normal(4, 150)
    count = workgroups(40, 64, tuning)
    kernel = matvec_add(
        40,
        64,
        "q4",
        tuning=tuning,
        x_dtype=machine.act,
        start=100,
        size=150,
        squares_start=3,
        squares_size=count + 4,
    )
    before = normal(6, count + 4)
    arrays = {**weights, "x": x, "hidden": hidden, "norm": norm, "scaled": np.zeros(150, np.float32)}
    found = machine.run(kernel, {**arrays, "squares": before}, {})
    new, scaled, square = add_reference(w, exact(x[0]), exact(hidden[100:140]), exact(norm[100:140]))
    machine.agree(found["hidden"][100:140], new)
    machine.agree(found["scaled"][100:140], scaled)
    np.testing.assert_allclose(exact(found["squares"][3:-1]).sum(), square, rtol=machine.tolerance)
    np.testing.assert_array_equal(found["hidden"][:100], hidden[:100])
    np.testing.assert_array_equal(found["hidden"][140:], hidden[140:])
    np.testing.assert_array_equal(found["squares"][[0, 1, 2, -1]], before[[0, 1, 2, -1]])


@pytest.mark.parametrize(("rows", "width", "count"), [(70, 1056, 7), (33, 40, 1)])
def test_lanes_are_folded_in_subgroups_of_any_size(machine: Machine, rows: int, width: int, count: int) -> None:
    # lavapipe has subgroups of 8 threads, SwiftShader of 4; a row here is shared by 32 or by 8.
    weights, w = matrix(1, rows, width, "q4")
    x, squares = machine.normal(2, 1, width), normal(3, count) ** 2 * width
    kernel = matvec(
        rows,
        width,
        "q4",
        tuning=GPU_SUBGROUPS,
        x_dtype=machine.act,
        y_dtype=machine.act,
        squares=count,
        eps=1e-6,
    )
    y = machine.run(kernel, {**weights, "x": x, "squares": squares, "y": machine.zeros(rows)}, {})["y"]
    machine.agree(y, reference(w, exact(x[0]), exact(squares), 1e-6, "store"))
