"""Half precision in a browser: the variant that most people's GPUs run."""

import pytest
from playwright.sync_api import Page

from tests.lavapipe import Lavapipe

PROMPT, COUNT = [1, 40, 77, 300, 5, 123, 9], 24


def test_the_f16_variant_goes_on_as_the_one_in_f32(page: Page, site_url: str, lavapipe: Lavapipe | None) -> None:
    if lavapipe is None:
        pytest.skip("f16 in Chromium needs a C compiler and Debian's mesa-vulkan-drivers")
    page.goto(f"{site_url}verify.html")
    page.wait_for_function("window.windowseat !== undefined")

    def greedy(variant: str) -> list[int]:
        loaded = page.evaluate("(variant) => windowseat.load('models/demo/', { variant })", variant)
        assert loaded["variant"] == variant
        ids: list[int] = page.evaluate("([ids, count]) => windowseat.greedy(ids, count)", [PROMPT, COUNT])
        return ids

    assert greedy("f16") == greedy("software")
