"""Tokens and weights in each bin, block by block."""

# V vocabulary

import numpy as np
import pytest
from windowseat.compile.kernels.sample_spread import reference_bins, reference_span
from windowseat.compile.kernels.sample_words import BINS, block_size

from tests.compile.kernels.sampler import Settings, spread_out
from tests.compile.machine import F32, Array, Machine, exact, normal


def table(logits: F32, bins: Array, weights: Array) -> Array:
    """[B, 32]: for each block and bin, what its tokens add up to."""
    block = np.arange(len(logits)) // block_size(len(logits))
    return np.bincount(block * BINS + bins, weights, minlength=(block[-1] + 1) * BINS)


def agree(machine: Machine, logits: F32, settings: Settings | None) -> None:
    found = spread_out(machine, logits, settings)
    temperature, top_p = (settings.temperature, settings.top_p) if settings else (None, 1.0)
    bins = reference_bins(exact(logits), reference_span(exact(logits), temperature, top_p))
    weights = np.exp((exact(logits) - logits.max()) / (temperature or 1.0))
    # The scale is an f32: a logit at the very edge of a bin may lie in the one beside it.
    moved = np.abs(found["counts"] - table(logits, bins, np.ones(len(logits)))).sum()
    assert found["counts"].sum() == len(logits)
    assert moved <= len(logits) // 20_000
    near = table(logits, bins, weights)
    np.testing.assert_allclose(found["weights"], near, rtol=1e-5 if moved == 0 else 1e-2, atol=1e-6)


CASES = [(7, Settings(0.7)), (1000, Settings(0.05)), (1000, Settings(3)), (1000, Settings(top_p=0.9)), (1000, None)]


@pytest.mark.parametrize(("vocabulary", "settings"), CASES, ids=str)
def test_every_token_is_in_its_bin(f32_machine: Machine, vocabulary: int, settings: Settings | None) -> None:
    agree(f32_machine, normal(vocabulary, vocabulary) * 3 - 7, settings)


def test_a_single_token_is_in_the_first_bin(wgpu_f32: Machine) -> None:
    agree(wgpu_f32, normal(1, 1), Settings(0.7))


def test_every_token_of_a_large_vocabulary_is_in_its_bin(wgpu_f32: Machine) -> None:
    agree(wgpu_f32, normal(3, 248_320) * 3, Settings(0.7))


@pytest.mark.parametrize("value", [0.0, -3.25, 1e30, 1e-30])
def test_equal_logits_share_the_first_bin(wgpu_f32: Machine, value: float) -> None:
    found = spread_out(wgpu_f32, np.full(300, value, np.float32), Settings())
    assert found["counts"].reshape(-1, BINS).sum(0).tolist() == [300] + [0] * (BINS - 1)
    assert found["weights"].sum() == 300


def test_masked_logits_do_not_widen_the_bins(wgpu_f32: Machine) -> None:
    logits = normal(5, 300)
    masked = np.concatenate([logits, np.full(20, -np.inf, np.float32), np.full(5, np.nan, np.float32)])
    frames = [spread_out(wgpu_f32, each, None)["frame"] for each in (logits, masked)]
    assert frames[0].tolist() == frames[1].tolist()
    counts = spread_out(wgpu_f32, masked, None)["counts"].reshape(-1, BINS).sum(0)
    assert counts[-1] == 25
