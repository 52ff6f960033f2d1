"""The words that kernels are written in."""

import numpy as np
import pytest
from windowseat.compile.kernels.common import (
    Kernel,
    KernelBuilder,
    Rows,
    lane,
    let,
    loop_by,
    sigmoid,
    silu,
    softplus,
    store,
    strided,
)

from tests.compile.machine import Machine, exact, normal

FAR = np.array([-1000, -90, -20.5, -15, -10, -3.5, -3.4, -1, -1e-6, 0, 1e-6, 1, 20.5, 90, 1000], np.float32)


def elementwise() -> Kernel:
    k = KernelBuilder("elementwise", (1, 1), len(FAR))
    x = k.buffer("x", (len(FAR),), "float32")
    y = k.buffer("y", (3, len(FAR)), "float32")
    with k.threads() as (_, _, thread):
        for i, function in enumerate((softplus, sigmoid, silu)):
            store(y, (i, thread), function(x[thread]))
    return k.finish()


def count_visits(count: int, threads: int) -> Kernel:
    k = KernelBuilder(f"count_visits_{count}_{threads}", (1, 1), threads)
    y = k.buffer("y", (200,), "float32")
    with k.threads() as (_, _, thread), strided(thread, count, threads) as i:
        store(y, i, y[i] + 1.0)
    return k.finish()


def count_turns(most: int, count: int, past_end: bool) -> Kernel:
    k = KernelBuilder(f"count_turns_{most}_{count}_{past_end}", (1, 1), 1)
    y = k.buffer("y", (32,), "float32")
    with k.threads(), loop_by(most, count, past_end=past_end) as turns:
        for i in turns:
            store(y, i, y[i] + 1.0)
    return k.finish()


def copy_rows(width: int) -> Kernel:
    k = KernelBuilder(f"copy_rows_{width}", (3, -(-width // 32) * 8), 1)
    x = Rows(k, "x", 3, width, "float32")
    y = k.buffer("y", (3, 96), "float32")
    with k.threads() as (row, index, _):
        four = let(x.four(row, index))
        for i in range(4):
            store(y, (row, index * 4 + i), lane(four, i))
    return k.finish()


def test_functions_stay_finite_far_from_zero(f32_machine: Machine) -> None:
    y = f32_machine.run(elementwise(), {"x": FAR, "y": np.zeros((3, len(FAR)), np.float32)}, {})["y"]
    x = exact(FAR)
    np.testing.assert_allclose(y[0], np.logaddexp(0, x), rtol=2e-6, atol=1e-37)
    np.testing.assert_allclose(y[1], np.exp(-np.logaddexp(0, -x)), rtol=2e-6, atol=1e-30)
    np.testing.assert_allclose(y[2], x * np.exp(-np.logaddexp(0, -x)), rtol=2e-6, atol=1e-30)


@pytest.mark.parametrize(
    ("most", "count", "past_end", "turns"),
    [(8, 24, False, 24), (8, 12, False, 12), (4, 7, False, 7), (4, 7, True, 8), (4, 3, True, 3), (4, 8, True, 8)],
)
def test_loop_by_comes_to_every_number_once(
    f32_machine: Machine, most: int, count: int, past_end: bool, turns: int
) -> None:
    y = f32_machine.run(count_turns(most, count, past_end), {"y": np.zeros(32, np.float32)}, {})["y"]
    np.testing.assert_array_equal(y, [1.0] * turns + [0.0] * (32 - turns))


@pytest.mark.parametrize(("count", "threads"), [(5, 32), (32, 32), (64, 32), (65, 32), (199, 64)])
def test_a_stride_visits_everything_once_and_nothing_past_it(f32_machine: Machine, count: int, threads: int) -> None:
    y = f32_machine.run(count_visits(count, threads), {"y": np.zeros(200, np.float32)}, {})["y"]
    np.testing.assert_array_equal(y, np.arange(200) < count)


@pytest.mark.parametrize("width", [96, 68, 65, 3])
def test_rows_of_any_width_are_read_whole_and_go_on_with_values_of_their_own(f32_machine: Machine, width: int) -> None:
    x = normal(1, 3, width)
    y = f32_machine.run(copy_rows(width), {"x": x, "y": np.zeros((3, 96), np.float32)}, {})["y"]
    np.testing.assert_array_equal(y[:, :width], x)
    assert all(set(past) <= set(row) for past, row in zip(y[:, width : -(-width // 32) * 32], x, strict=True))
