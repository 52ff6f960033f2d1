"""Greedy choice and sampling: the very token that the definition and the definition's draw give."""

# V vocabulary

import numpy as np
import pytest
from windowseat.compile.kernels.sample import blocks, find_peaks, random_unit, reference, sample

from tests.compile.machine import F32, F64, Array, Machine, exact, normal


def peaks(machine: Machine, logits: F32) -> dict[str, Array]:
    arrays = {"logits": logits, "peak_values": np.zeros(blocks(len(logits)), np.float32)}
    arrays |= {"peak_ids": np.zeros(blocks(len(logits)), np.int32)}
    return machine.run(find_peaks(len(logits)), arrays, {})


def choose(
    machine: Machine,
    found: dict[str, Array],
    temperature: float,
    top_k: int = 0,
    top_p: float = 1.0,
    seed: int = 0,
    position: int = 0,
    tokens: int = 1,
) -> int:
    """The token that the kernels choose."""
    scalars = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    scalars |= {"seed": seed, "position": position, "tokens": tokens}
    kernel = sample(len(found["logits"]), chunk=4)
    return int(machine.run(kernel, {**found, "tokens": np.full(4, 9, np.uint32)}, scalars)["tokens"][0])


def drawn(shares: F64, unit: float) -> int:
    """The token whose stretch of the kept tokens, in order of their ids, holds the unit."""
    return int(np.searchsorted(np.cumsum(shares), unit, side="right"))


@pytest.mark.parametrize("vocabulary", [1, 63, 1000, 40_000])
def test_greedy_takes_the_largest_logit(f32_machine: Machine, vocabulary: int) -> None:
    logits = normal(1, vocabulary) - 50
    assert choose(f32_machine, peaks(f32_machine, logits), 0) == logits.argmax()


@pytest.mark.parametrize("tied", [[0, 999], [255, 256], [70, 300, 600], list(range(1000))])
def test_greedy_takes_the_smallest_id_of_a_tie(f32_machine: Machine, tied: list[int]) -> None:
    logits = normal(1, 1000)
    logits[tied] = 9
    assert choose(f32_machine, peaks(f32_machine, logits), 0) == tied[0]


def test_only_the_first_of_the_tokens_is_written(f32_machine: Machine) -> None:
    found = peaks(f32_machine, normal(1, 63))
    scalars = {"temperature": 0.0, "top_k": 0, "top_p": 1.0, "seed": 0, "position": 0, "tokens": 1}
    tokens = f32_machine.run(sample(63, chunk=4), {**found, "tokens": np.full(4, 9, np.uint32)}, scalars)["tokens"]
    assert tokens[1:].tolist() == [9, 9, 9]


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [
        (1.0, 0, 1.0),
        (0.7, 5, 1.0),
        (1.0, 0, 0.5),
        (1.3, 20, 0.8),
        (1.0, 1, 1.0),
        (1.0, 0, 0.0),
        (0.01, 0, 1.0),
        (50.0, 0, 1.0),
        (50.0, 0, 0.9),
        (1.0, 300, 1.0),
        (1.0, 301, 1.0),
    ],
)
def test_the_token_is_the_one_that_the_reference_draws(
    f32_machine: Machine, temperature: float, top_k: int, top_p: float
) -> None:
    logits = normal(1, 300) * 2
    found = peaks(f32_machine, logits)
    shares = reference(exact(logits), temperature, top_k, top_p)
    seeds = range(0, 12 * 7919, 7919)
    got = [choose(f32_machine, found, temperature, top_k, top_p, seed, position=seed % 5) for seed in seeds]
    assert got == [drawn(shares, random_unit(seed, seed % 5 + 1)) for seed in seeds]


@pytest.mark.parametrize(("top_k", "top_p"), [(0, 1.0), (40, 1.0), (0, 0.9), (40, 0.9)])
def test_a_large_vocabulary_is_drawn_from_alike(wgpu_f32: Machine, top_k: int, top_p: float) -> None:
    logits = normal(1, 40_000) * 2
    found = peaks(wgpu_f32, logits)
    shares = reference(exact(logits), 0.8, top_k, top_p)
    got = [choose(wgpu_f32, found, 0.8, top_k, top_p, seed) for seed in range(15)]
    assert got == [drawn(shares, random_unit(seed, 1)) for seed in range(15)]


def test_ties_at_the_cutoff_of_top_k_all_stay(wgpu_f32: Machine) -> None:
    logits = np.array([1, 3, 2, 2, 2, 0], np.float32)
    found = peaks(wgpu_f32, logits)
    assert {choose(wgpu_f32, found, 1.0, top_k=2, seed=seed) for seed in range(60)} == {1, 2, 3, 4}


def test_ties_at_the_cutoff_of_top_p_all_stay(wgpu_f32: Machine) -> None:
    logits = np.array([0, 3, 2, 2, 2, 0], np.float32)
    found = peaks(wgpu_f32, logits)
    assert {choose(wgpu_f32, found, 1.0, top_p=0.6, seed=seed) for seed in range(60)} == {1, 2, 3, 4}


def test_logits_of_every_sign_keep_their_order_at_a_cutoff(wgpu_f32: Machine) -> None:
    logits = np.array([-2, -0.0, 1e-30, 0.5, -1e-30, 2, -1, 1], np.float32)
    found = peaks(wgpu_f32, logits)
    assert {choose(wgpu_f32, found, 5.0, top_k=3, seed=seed) for seed in range(40)} == {3, 5, 7}


def test_the_draw_depends_on_seed_and_position_alone(f32_machine: Machine) -> None:
    found = peaks(f32_machine, normal(1, 300))
    chunk = choose(f32_machine, found, 1.0, seed=3, position=100, tokens=8)
    assert chunk == choose(f32_machine, found, 1.0, seed=3, position=107, tokens=1)


def test_seeds_and_positions_of_all_sizes_give_the_same_draw_as_python(f32_machine: Machine) -> None:
    found = peaks(f32_machine, np.zeros(997, np.float32))
    cases = [(0, 0), (1, 0), (0xFFFFFFFF, 5), (0x80000000, 262_000), (12345, 99_999)]
    got = [choose(f32_machine, found, 1.0, seed=seed, position=position) for seed, position in cases]
    assert got == [int(random_unit(seed, position + 1) * 997) for seed, position in cases]


def test_tokens_come_as_often_as_their_probabilities_say(wgpu_f32: Machine) -> None:
    logits = np.array([0, 1, 2, -1, 0.5, 1.5, -3, 0.3], np.float32)
    found = peaks(wgpu_f32, logits)
    draws = 1500
    times = np.bincount([choose(wgpu_f32, found, 0.9, seed=7, position=i) for i in range(draws)], minlength=8)
    expected = reference(exact(logits), 0.9, 0, 1.0) * draws
    assert ((times - expected) ** 2 / expected).sum() < 24.3  # chi-square, 7 degrees of freedom: one in a thousand


@pytest.mark.parametrize("fixed", ["seed", "position"])
def test_draws_are_even_along_seeds_and_along_positions(fixed: str) -> None:
    one = [random_unit(**{"seed": i, "position": i, fixed: 5}) for i in range(20_000)]
    times, _ = np.histogram(one, bins=50, range=(0, 1))
    assert ((times - 400.0) ** 2 / 400).sum() < 85.4  # chi-square, 49 degrees of freedom: one in a thousand


def test_following_draws_do_not_hang_together() -> None:
    one = np.array([random_unit(5, i) for i in range(20_000)])
    assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 0.02
