"""The likeliest token: the largest logit, and of equal ones the smallest id."""

# V vocabulary

import numpy as np
import pytest
from windowseat.compile.kernels.sample_greedy import reference

from tests.compile.kernels.sampler import greedy
from tests.compile.machine import Machine, exact, normal


@pytest.mark.parametrize("vocabulary", [1, 7, 1000, 1024])
def test_the_largest_logit_is_taken(f32_machine: Machine, vocabulary: int) -> None:
    logits = normal(1, vocabulary) - 50
    assert greedy(f32_machine, logits).tolist() == [reference(exact(logits)), 9, 9, 9]


def test_the_largest_logit_of_a_large_vocabulary_is_taken(wgpu_f32: Machine) -> None:
    logits = normal(1, 248_320)
    assert greedy(wgpu_f32, logits)[0] == reference(exact(logits))


@pytest.mark.parametrize("tied", [[0, 999], [255, 256], [70, 300, 600], list(range(1000))])
def test_the_smallest_id_of_a_tie_is_taken(f32_machine: Machine, tied: list[int]) -> None:
    logits = normal(1, 1000)
    logits[tied] = 9
    assert greedy(f32_machine, logits)[0] == tied[0]


@pytest.mark.parametrize(("strange", "wanted"), [([np.nan], 3), ([-np.inf], 3), ([np.inf, 1e30], 0), ([np.nan] * 7, 0)])
def test_what_is_no_number_does_no_harm(f32_machine: Machine, strange: list[float], wanted: int) -> None:
    logits = np.array([0, 1, 2, 5, 3, -1, 0], np.float32)
    logits[: len(strange)] = strange
    assert greedy(f32_machine, logits)[0] == wanted
