"""Draws: the very token that the definition's draw gives, and over many draws the definition's probabilities."""

# V vocabulary

import numpy as np
import pytest
import torch
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from windowseat.compile.kernels.sample_random import reference as random_unit
from windowseat.compile.kernels.sample_search import MOST_FEW

from tests.compile.kernels.sampler import Settings, draws, prepared
from tests.compile.machine import F32, F64, Machine, exact, normal

TIMES = 40  # draws of a launch: the same everywhere, for each number is a kernel that must be compiled
MANY = 50_000


def drawn(shares: F64, unit: float) -> int:
    """The token whose stretch of the kept tokens, in order of their ids, holds the unit."""
    return int(np.searchsorted(np.cumsum(shares), unit, side="right"))


def agree(machine: Machine, logits: F32, settings: Settings) -> int:
    """Fails where a draw is another than the definition's; gives back how many tokens were listed."""
    found = prepared(machine, logits, settings)
    got = draws(machine, found, settings, seed=11, position=5, times=TIMES)
    shares = settings.shares(logits)
    assert got.tolist() == [drawn(shares, random_unit(11, 6 + i)) for i in range(TIMES)]
    return int(found["offsets"][-1])


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(0.7, top_k=5),
        Settings(top_p=0.5),
        Settings(1.3, top_k=20, top_p=0.8),
        Settings(top_k=1),
        Settings(top_p=1e-9),
        Settings(0.01),
        Settings(50),
        Settings(50, top_p=0.9),
        Settings(top_k=299),
        Settings(top_k=300),
        Settings(top_k=2**31 - 1),
        Settings(min_p=0.1),
        Settings(min_p=1),
        Settings(2, top_k=200, top_p=0.4),
        Settings(2, top_k=50, top_p=0.9, min_p=0.05),
    ],
    ids=str,
)
def test_the_token_is_the_one_that_the_definition_draws(f32_machine: Machine, settings: Settings) -> None:
    agree(f32_machine, normal(1, 300) * 2, settings)


@pytest.mark.parametrize("vocabulary", [7, 1000])
def test_vocabularies_of_every_size_are_drawn_from(f32_machine: Machine, vocabulary: int) -> None:
    agree(f32_machine, normal(vocabulary, vocabulary) * 2, Settings(0.8, top_k=40, top_p=0.9, min_p=0.01))


def test_of_a_single_token_there_is_no_choice(wgpu_f32: Machine) -> None:
    agree(wgpu_f32, normal(1, 1), Settings(0.8, top_k=40, top_p=0.9, min_p=0.01))


@pytest.mark.parametrize(
    ("settings", "many"),
    [
        (Settings(0.8, top_k=20, top_p=0.8), False),
        (Settings(0.3, top_p=0.95), False),
        (Settings(1.5, top_k=20_000, top_p=0.5), True),
    ],
    ids=str,
)
def test_a_large_vocabulary_is_drawn_from_alike(wgpu_f32: Machine, settings: Settings, many: bool) -> None:
    listed = agree(wgpu_f32, normal(1, 248_320) * 3, settings)
    assert (listed > MOST_FEW) == many


def test_many_listed_tokens_are_searched_alike(f32_machine: Machine) -> None:
    logits = (normal(4, 1000) * 0.2 + 10).astype(np.float32)
    logits[7] = 30
    for settings in (Settings(20, top_p=0.9), Settings(20, top_k=400), Settings(20, top_k=600, top_p=0.3)):
        assert agree(f32_machine, logits, settings) > MOST_FEW


@pytest.mark.parametrize("settings", [Settings(top_k=2), Settings(top_p=0.6), Settings(top_k=3, top_p=0.95)], ids=str)
def test_ties_at_a_cutoff_all_stay(wgpu_f32: Machine, settings: Settings) -> None:
    logits = np.array([0, 3, 2, 2, 2, 0, -1], np.float32)
    found = draws(wgpu_f32, prepared(wgpu_f32, logits, settings), settings, 1, 0, times=TIMES)
    assert set(found.tolist()) == {1, 2, 3, 4}


def test_a_vocabulary_of_equal_logits_is_kept_whole(wgpu_f32: Machine) -> None:
    settings, logits = Settings(0.5, top_k=10, top_p=0.5, min_p=0.9), np.full(248_320, -3.0, np.float32)
    found = draws(wgpu_f32, prepared(wgpu_f32, logits, settings), settings, 1, 0, times=TIMES)
    assert found.tolist() == pytest.approx([random_unit(1, 1 + i) * 248_320 for i in range(TIMES)], abs=2)


def test_logits_of_every_sign_keep_their_order_at_a_cutoff(f32_machine: Machine) -> None:
    settings, logits = Settings(5, top_k=4), np.array([-0.0, 1e-30, 0.5, -1e-3, 2, 1, 0.0], np.float32)
    found = draws(f32_machine, prepared(f32_machine, logits, settings), settings, 3, 0, times=TIMES)
    assert set(found.tolist()) - {0, 1, 6} == {2, 4, 5}  # a device may take 1e-30 for 0


@pytest.mark.parametrize(
    ("logits", "possible"),
    [
        ([np.nan, 1, 2, -np.inf, np.nan, 1, -np.inf], {1, 2, 5}),
        ([np.inf, 1, np.inf, -np.inf, 1e30, 2, np.nan], {0, 2, 4}),
        ([-np.inf, 0.5, *[-np.inf] * 5], {1}),
        ([np.nan] * 7, set(range(7))),
        ([-np.inf] * 7, set(range(7))),
    ],
)
def test_what_is_no_number_does_no_harm(f32_machine: Machine, logits: list[float], possible: set[int]) -> None:
    for settings in (Settings(), Settings(top_k=3, top_p=0.99, min_p=0.01)):
        found = prepared(f32_machine, np.array(logits, np.float32), settings)
        assert set(draws(f32_machine, found, settings, 5, 0, times=TIMES).tolist()) == possible


def test_the_draw_depends_on_seed_and_position_alone(f32_machine: Machine) -> None:
    found = prepared(f32_machine, normal(1, 300), Settings())

    def tokens(**call: int) -> list[int]:
        return [int(each) for each in draws(f32_machine, found, Settings(), times=TIMES, **call)]

    chunk = tokens(seed=3, position=100, tokens=8)
    assert chunk == tokens(seed=3, position=107)
    assert chunk != tokens(seed=4, position=107)


@pytest.mark.parametrize(("seed", "position"), [(0, 0), (0xFFFFFFFF, 5), (0x80000000, 262_000), (12345, 99_999)])
def test_seeds_and_positions_of_all_sizes_give_the_same_draw_as_python(
    f32_machine: Machine, seed: int, position: int
) -> None:
    found = prepared(f32_machine, np.zeros(1000, np.float32), Settings())
    got = draws(f32_machine, found, Settings(), seed, position, times=TIMES)
    assert got.tolist() == [int(random_unit(seed, position + 1 + i) * 1000) for i in range(TIMES)]


@pytest.mark.parametrize("settings", [Settings(0.9), Settings(1.5, top_k=50, top_p=0.95, min_p=0.02)], ids=str)
def test_tokens_come_as_often_as_their_probabilities_say(wgpu_f32: Machine, settings: Settings) -> None:
    logits = normal(9, 200) * 2
    found = prepared(wgpu_f32, logits, settings)
    got = [draws(wgpu_f32, found, settings, 123_456_789, position, times=MANY) for position in (0, MANY)]
    times = np.bincount(np.concatenate(got), minlength=200)
    expected = settings.shares(logits) * 2 * MANY
    assert times[expected == 0].sum() == 0
    often = expected >= 5
    squares = ((times - expected)[often] ** 2 / expected[often]).sum()
    squares += (times - expected)[~often].sum() ** 2 / max(expected[~often].sum(), 1)
    freedom = often.sum()
    # Chi-square is close to a normal distribution: 3.1 deviations are one in a thousand.
    assert squares < freedom + 3.1 * np.sqrt(2 * freedom)


@pytest.mark.parametrize(
    "settings",
    [Settings(0.7, top_k=20), Settings(1.2, top_p=0.9), Settings(2.0, min_p=0.1), Settings(0.8, 40, 0.9, 0.05)],
    ids=str,
)
def test_the_definition_is_that_of_transformers(settings: Settings) -> None:
    logits = normal(6, 3000) * 3
    steps = [TemperatureLogitsWarper(settings.temperature)]
    steps += [TopKLogitsWarper(settings.top_k)] if settings.top_k else []
    steps += [TopPLogitsWarper(settings.top_p), MinPLogitsWarper(settings.min_p)]
    scores = LogitsProcessorList(steps)(torch.zeros(1, 1, dtype=torch.long), torch.tensor(exact(logits)[None]))
    np.testing.assert_allclose(settings.shares(logits), scores.softmax(-1).numpy()[0], atol=1e-12)


@pytest.mark.parametrize("fixed", ["seed", "position"])
def test_draws_are_even_along_seeds_and_along_positions(fixed: str) -> None:
    one = [random_unit(**{"seed": i, "position": i, fixed: 5}) for i in range(20_000)]
    times, _ = np.histogram(one, bins=50, range=(0, 1))
    assert ((times - 400.0) ** 2 / 400).sum() < 85.4  # chi-square, 49 degrees of freedom: one in a thousand


def test_following_draws_do_not_hang_together() -> None:
    one = np.array([random_unit(5, i) for i in range(20_000)])
    assert abs(np.corrcoef(one[:-1], one[1:])[0, 1]) < 0.02
