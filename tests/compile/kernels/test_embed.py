"""Rows of the embedding table, exactly as they were quantised."""

# V rows, K columns

import numpy as np
import pytest
from windowseat.compile.kernels.embed import blocks, embed, embed_row, reference

from tests.compile.machine import Machine, exact, matrix, normal


@pytest.mark.parametrize("form", ["q4", "q8", "f16", "f32"])
@pytest.mark.parametrize(("rows", "width"), [(50, 64), (7, 100), (1, 33)])
def test_a_token_gives_its_row_exactly(f32_machine: Machine, rows: int, width: int, form: str) -> None:
    table, w = matrix(1, rows, width, form)
    tokens = np.random.default_rng(2).integers(0, rows, 9).astype(np.uint32)
    arrays = {**table, "tokens": tokens, "hidden": np.zeros((9, width), np.float32)}
    hidden = f32_machine.run(embed(rows, width, form, first_row=0, chunk=9), arrays, {"tokens": 9})["hidden"]
    np.testing.assert_array_equal(hidden, reference(w, tokens.astype(np.int64)))


def test_a_row_of_more_groups_than_threads_is_whole(f32_machine: Machine) -> None:
    table, w = matrix(1, 3, 2100, "q4")
    arrays = {**table, "tokens": np.array([2], np.uint32), "hidden": np.zeros((1, 2100), np.float32)}
    hidden = f32_machine.run(embed(3, 2100, "q4", first_row=0, chunk=1), arrays, {"tokens": 1})["hidden"]
    np.testing.assert_array_equal(hidden[0], w[2])


def test_a_part_of_the_table_writes_only_the_tokens_of_its_rows(f32_machine: Machine) -> None:
    table, w = matrix(1, 20, 64, "q4")
    tokens = np.array([99, 100, 119, 120, 0], np.uint32)
    arrays = {**table, "tokens": tokens, "hidden": np.full((5, 64), 7, np.float32)}
    hidden = f32_machine.run(embed(20, 64, "q4", first_row=100, chunk=5), arrays, {"tokens": 5})["hidden"]
    np.testing.assert_array_equal(hidden[[1, 2]], w[[0, 19]])
    np.testing.assert_array_equal(hidden[[0, 3, 4]], 7)


def test_rows_past_the_last_token_are_left_alone(f32_machine: Machine) -> None:
    table, w = matrix(1, 20, 64, "q4")
    arrays = {**table, "tokens": np.array([3, 4, 5], np.uint32), "hidden": np.full((3, 64), 7, np.float32)}
    hidden = f32_machine.run(embed(20, 64, "q4", first_row=0, chunk=3), arrays, {"tokens": 2})["hidden"]
    np.testing.assert_array_equal(hidden[:2], w[[3, 4]])
    np.testing.assert_array_equal(hidden[2], 7)


@pytest.mark.parametrize(("rows", "width", "form"), [(20, 64, "q4"), (7, 100, "q8"), (3, 2100, "q4")])
def test_a_single_row_comes_with_its_next_norm_prepared(f32_machine: Machine, rows: int, width: int, form: str) -> None:
    table, w = matrix(1, rows, width, form)
    norm = normal(2, width)
    arrays = {**table, "tokens": np.array([102], np.uint32), "hidden": np.zeros(width, np.float32), "norm": norm}
    arrays |= {"scaled": np.zeros(width, np.float32), "squares": normal(3, blocks(width))}
    found = f32_machine.run(embed_row(rows, width, form, first_row=100), arrays, {})
    np.testing.assert_array_equal(found["hidden"], w[2])
    f32_machine.agree(found["scaled"], w[2] * exact(norm))
    np.testing.assert_allclose(exact(found["squares"]).sum(), w[2] @ w[2], rtol=1e-5)


def test_a_part_without_the_token_touches_nothing(f32_machine: Machine) -> None:
    table, _ = matrix(1, 20, 64, "q4")
    before = {name: normal(i, 64) for i, name in enumerate(("hidden", "norm", "scaled"))} | {"squares": normal(3, 1)}
    arrays = {**table, "tokens": np.array([20], np.uint32), **before}
    found = f32_machine.run(embed_row(20, 64, "q4", first_row=0), arrays, {})
    for name, value in before.items():
        np.testing.assert_array_equal(found[name], value)
