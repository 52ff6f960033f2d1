"""Log-probabilities of the chosen token and of the likeliest twenty."""

# V vocabulary

import numpy as np
import pytest
from windowseat.compile.kernels.sample_logprobs import MOST, NO_ID, reference

from tests.compile.kernels.sampler import logprobs
from tests.compile.machine import F32, Machine, exact, normal


def agree(machine: Machine, logits: F32, token: int) -> None:
    chosen, ids, values = logprobs(machine, logits, token)
    wanted, count = reference(exact(logits)), min(MOST, len(logits))
    order = np.argsort(-logits, kind="stable")[:count]
    assert ids.tolist() == [*order, *[NO_ID] * (MOST - count)]
    np.testing.assert_allclose(values[:count], wanted[order], rtol=1e-6, atol=2e-6)
    assert chosen == pytest.approx(wanted[token], rel=1e-6, abs=2e-6)


@pytest.mark.parametrize("vocabulary", [1, 7, 20, 1000])
def test_the_likeliest_come_in_order(f32_machine: Machine, vocabulary: int) -> None:
    agree(f32_machine, normal(1, vocabulary) * 4, vocabulary // 2)


def test_the_likeliest_of_a_large_vocabulary_come_in_order(wgpu_f32: Machine) -> None:
    agree(wgpu_f32, normal(2, 248_320) * 3, 77)


def test_of_equal_logits_the_smaller_id_comes_first(f32_machine: Machine) -> None:
    agree(f32_machine, np.round(normal(1, 1000)), 3)


def test_a_large_vocabulary_of_equal_logits_is_ranked_too(wgpu_f32: Machine) -> None:
    agree(wgpu_f32, np.full(248_320, 2.5, np.float32), 248_319)


def test_tokens_far_below_the_likeliest_are_ranked_too(wgpu_f32: Machine) -> None:
    logits = normal(1, 300) * 100
    logits[7] = 5000
    agree(wgpu_f32, logits, 3)


def test_what_is_no_number_comes_last(f32_machine: Machine) -> None:
    logits = normal(1, 40)
    logits[:10], logits[10:20] = np.nan, -np.inf
    chosen, ids, values = logprobs(f32_machine, logits, 15)
    wanted = reference(exact(logits[20:]))
    assert ids.tolist() == (np.argsort(-logits[20:], kind="stable") + 20).tolist()
    np.testing.assert_allclose(values, np.sort(wanted)[::-1], rtol=1e-6, atol=2e-6)
    assert chosen < -1e29
