"""Group quantisation: what comes back, how far off it may be, and where each bit lies."""

import numpy as np
import pytest
from windowseat.compile.quantise import GROUP, Packed, dequantise, quantise

from tests.compile.machine import F32, normal


def there_and_back(weights: F32, form: str) -> F32:
    return dequantise(quantise(weights, form), weights.shape[1], form)


@pytest.mark.parametrize("width", [32, 64, 33, 1])
@pytest.mark.parametrize(("form", "levels"), [("q4", 8), ("q8", 127)])
def test_no_weight_is_further_off_than_its_group_explains(width: int, form: str, levels: int) -> None:
    weights = normal(1, 50, width)
    padded = np.pad(weights, ((0, 0), (0, -width % GROUP))).reshape(50, -1, GROUP)
    step = np.repeat(np.abs(padded).max(axis=2) / levels, GROUP, axis=1)[:, :width]
    # Half a step for most; a whole one for q4's value opposite to the largest, which has no level 8; f16 for the scale.
    assert (np.abs(there_and_back(weights, form) - weights) <= step * 1.01).all()


def test_q8_is_within_half_a_step() -> None:
    weights = normal(1, 50, 64)
    step = np.repeat(np.abs(weights.reshape(50, 2, 32)).max(axis=2) / 127, 32, axis=1)
    assert (np.abs(there_and_back(weights, "q8") - weights) <= step * 0.57).all()  # 127 steps of f16 rounding: 0.06


@pytest.mark.parametrize(("form", "error"), [("q4", 0.09), ("q8", 0.007), ("f16", 0.0004), ("f32", 0.0)])
def test_gaussian_weights_lose_as_much_as_the_format_costs(form: str, error: float) -> None:
    weights = normal(1, 200, 256)
    difference = there_and_back(weights, form) - weights
    assert np.sqrt((difference**2).sum() / (weights**2).sum()) <= error


@pytest.mark.parametrize("form", ["q4", "q8", "f16", "f32"])
def test_what_came_back_once_comes_back_again(form: str) -> None:
    once = there_and_back(normal(1, 20, 70), form)
    np.testing.assert_allclose(there_and_back(once, form), once, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("form", ["q4", "q8", "f16", "f32"])
def test_zeros_stay_zeros(form: str) -> None:
    np.testing.assert_array_equal(there_and_back(np.zeros((3, 40), np.float32), form), 0)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_weight_of_a_q4_group_is_kept(sign: int) -> None:
    weights = np.zeros((1, 32), np.float32)
    weights[0, 5] = 4 * sign
    np.testing.assert_array_equal(there_and_back(weights, "q4"), weights)


def test_q4_words_unpack_to_four_consecutive_weights() -> None:
    levels = np.arange(32) % 15 - 8
    packed = quantise((levels * 0.5).astype(np.float32)[None], "q4")
    words = packed.words.reshape(4)
    assert packed.words.shape == (1, 1, 4)
    for word in range(4):
        low = [int(words[word]) >> 8 * byte & 15 for byte in range(4)]
        high = [int(words[word]) >> 8 * byte + 4 & 15 for byte in range(4)]
        assert [level - 8 for level in low + high] == levels[8 * word : 8 * word + 8].tolist()


def test_q8_words_hold_four_signed_bytes() -> None:
    levels = np.arange(32) - 16
    levels[0] = 127
    packed = quantise(levels.astype(np.float32)[None], "q8")
    assert packed.words.shape == (1, 1, 8)
    np.testing.assert_array_equal(packed.words.view(np.int8).ravel(), levels)


def test_two_scales_share_a_word_and_an_odd_one_has_its_own() -> None:
    weights = np.repeat(np.array([[127], [254], [381]], np.float32), 32, axis=1)
    packed = quantise(weights, "q8")
    assert packed.scales is not None
    assert packed.scales.view(np.float16).tolist() == [1, 2, 3, 0]


@pytest.mark.parametrize("form", ["f16", "f32"])
def test_plain_formats_have_no_scales(form: str) -> None:
    assert quantise(normal(1, 2, 33), form).scales is None


def test_a_group_too_small_for_f16_becomes_zero_and_not_nan() -> None:
    np.testing.assert_array_equal(there_and_back(np.full((1, 32), 1e-12, np.float32), "q4"), 0)


def test_unpacking_without_the_scales_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="q4 needs scales"):
        dequantise(Packed(np.zeros((1, 1, 4), np.uint32), None), 32, "q4")
