"""Masked tokens: as defined, never chosen, and to the tokens that are left as if there had never been others."""

# V vocabulary

import numpy as np
import pytest
from windowseat.compile.kernels.common import MASKED
from windowseat.compile.kernels.sample_mask import mask, reference, words
from windowseat.compile.kernels.sample_random import reference as random_unit

from tests.compile.kernels.sampler import Settings, draws, greedy, prepared
from tests.compile.machine import F32, Array, Machine, exact, normal

TIMES = 40
MANY = 50_000


def packed(allowed: Array) -> Array:
    """Booleans as the mask's words."""
    bits = np.zeros(words(len(allowed)) * 32, np.uint8)
    bits[: len(allowed)] = allowed
    return np.packbits(bits, bitorder="little").view(np.uint32)


def masked(machine: Machine, logits: F32, allowed: Array) -> F32:
    found = machine.run(mask(len(logits)), {"logits": logits, "allowed": packed(allowed)}, {})
    return np.asarray(found["logits"], np.float32)


def some(seed: int, vocabulary: int, share: float) -> Array:
    return np.random.default_rng(seed).random(vocabulary) < share


@pytest.mark.parametrize("vocabulary", [1, 31, 33, 1000, 248_320])
def test_a_mask_is_as_defined(wgpu_f32: Machine, vocabulary: int) -> None:
    logits, allowed = normal(1, vocabulary) * 4, some(2, vocabulary, 0.5)
    wanted = reference(exact(logits), packed(allowed)).astype(np.float32)
    np.testing.assert_array_equal(masked(wgpu_f32, logits, allowed), wanted)


def test_every_device_masks_infinities_and_what_is_no_number(f32_machine: Machine) -> None:
    logits = np.array([np.inf, np.nan, 3, -np.inf, np.inf, 2], np.float32)
    found = masked(f32_machine, logits, np.array([0, 0, 1, 1, 0, 1]))
    assert found.tolist() == [np.float32(MASKED), np.float32(MASKED), 3, -np.inf, np.float32(MASKED), 2]


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(0.7, top_k=20),
        Settings(1.3, top_p=0.9),
        Settings(2, min_p=0.05),
        Settings(1, 40, 0.9, 0.01),
    ],
    ids=str,
)
@pytest.mark.parametrize("left", [3, 200])
def test_the_draw_is_that_of_a_vocabulary_without_masked_tokens(
    wgpu_f32: Machine, settings: Settings, left: int
) -> None:
    logits = normal(5, 1000) * 2
    allowed = np.zeros(1000, bool)
    allowed[np.random.default_rng(3).choice(1000, left, replace=False)] = True
    logits[~allowed] += 100  # what a bias would do to them
    found = prepared(wgpu_f32, masked(wgpu_f32, logits, allowed), settings)
    got = draws(wgpu_f32, found, settings, seed=11, position=5, times=TIMES)
    ids, shares = np.flatnonzero(allowed), settings.shares(logits[allowed])
    wanted = [ids[np.searchsorted(np.cumsum(shares), random_unit(11, 6 + i), side="right")] for i in range(TIMES)]
    assert got.tolist() == wanted


def test_allowed_tokens_come_as_often_as_their_probabilities_say(wgpu_f32: Machine) -> None:
    logits, settings = normal(9, 300) * 2, Settings(0.9, top_p=0.95)
    allowed = some(4, 300, 0.3)
    found = prepared(wgpu_f32, masked(wgpu_f32, logits, allowed), settings)
    times = np.bincount(draws(wgpu_f32, found, settings, 123, 0, times=MANY), minlength=300)
    expected = np.zeros(300)
    expected[allowed] = settings.shares(logits[allowed]) * MANY
    assert times[expected == 0].sum() == 0
    often = expected >= 5
    squares = ((times - expected)[often] ** 2 / expected[often]).sum()
    assert squares < often.sum() + 3.1 * np.sqrt(2 * often.sum())  # chi-square: one in a thousand


def test_the_likeliest_token_is_an_allowed_one(f32_machine: Machine) -> None:
    logits, allowed = normal(3, 300), some(4, 300, 0.1)
    ids = np.flatnonzero(allowed)
    assert greedy(f32_machine, masked(f32_machine, logits, allowed))[0] == ids[logits[ids].argmax()]
