"""The kernels that measure an adapter compute what they say: a shortcut would make the ceiling too high."""

import numpy as np
import pytest
from windowseat.compile.kernels.ceilings import (
    DIRECT,
    GPU_READING,
    READERS,
    SOFTWARE_READING,
    STAGED,
    Reading,
    Tile,
    plain_matmul,
    read_all,
    reference_product,
    reference_sums,
)

from tests.compile.machine import Machine, exact


@pytest.mark.parametrize("reading", [GPU_READING, SOFTWARE_READING], ids=["gpu", "software"])
def test_every_word_is_read_once(f32_machine: Machine, reading: Reading) -> None:
    words = 3 * READERS * reading.reads * 4
    x = np.random.default_rng(1).integers(0, 1 << 32, words, np.uint32)
    sums = np.zeros((3 * READERS, 4), np.uint32)
    got = f32_machine.run(read_all(words, reading=reading), {"x": x, "sums": sums}, {})["sums"]
    np.testing.assert_array_equal(got, reference_sums(x, reading))


@pytest.mark.parametrize("tile", [STAGED[0], DIRECT[0]], ids=lambda tile: tile.name)
def test_a_plain_product_agrees_with_its_reference(machine: Machine, tile: Tile) -> None:
    check(machine, tile)


@pytest.mark.parametrize("tile", [*STAGED[1:], *DIRECT[1:]], ids=lambda tile: tile.name)
def test_larger_tiles_compute_the_same(wgpu_f16: Machine, tile: Tile) -> None:
    check(wgpu_f16, tile)


def check(machine: Machine, tile: Tile) -> None:
    """Runs a product of two by two tiles."""
    rows, width, tokens = 2 * tile.rows, 64, 2 * tile.tokens
    w, x = machine.normal(1, rows, width), machine.normal(2, tokens, width)
    kernel = plain_matmul(rows, width, tokens, tile=tile, dtype=machine.act)
    y = machine.run(kernel, {"w": w, "x": x, "y": machine.zeros(tokens, rows)}, {})["y"]
    machine.agree(y, reference_product(exact(w), exact(x)))
