"""Attention of one token on GPUs, around the edges of tiles and parts, and the sum of the parts."""

import numpy as np
import pytest
from windowseat.compile.kernels.attention_merge import Splits, attention_merge, reference
from windowseat.compile.kernels.attention_split import attention_split
from windowseat.compile.shapes import AttentionShape
from windowseat.compile.tuning import GPU

from tests.compile.attention_case import GATED, LONG, NARROW, ODD, SHAPES, WIDE, Case, full, partials
from tests.compile.machine import Machine, exact, normal

SPLITS = Splits(count=4, tile=64)


def agrees(machine: Machine, shape: AttentionShape, form: str, position: int, sharpness: float = 1.0) -> None:
    kernels = [
        attention_split(shape, splits=SPLITS, act=machine.act, kv_cache=form),
        attention_merge(shape, rows=SPLITS.count, tuning=GPU, act=machine.act),
    ]
    Case(machine, shape, form, position, sharpness=sharpness).agrees(kernels, partials=partials(SPLITS.count, shape))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
@pytest.mark.parametrize("position", [0, 70, 300])
def test_a_token_agrees_with_the_reference(machine: Machine, shape: AttentionShape, position: int) -> None:
    agrees(machine, shape, full(machine), position)


@pytest.mark.parametrize("position", [31, 32, 63, 64, 127, 128, 255, 256])
def test_so_it_does_at_the_edges_of_tiles_and_parts(machine: Machine, position: int) -> None:
    agrees(machine, GATED, full(machine), position)


def test_a_long_way_into_a_conversation_too(machine: Machine) -> None:
    agrees(machine, LONG, full(machine), 3050)


@pytest.mark.parametrize("shape", [ODD, WIDE, NARROW], ids=lambda shape: shape.name)
def test_a_q8_cache_agrees_with_what_it_stands_for(f32_machine: Machine, shape: AttentionShape) -> None:
    agrees(f32_machine, shape, "q8", 300)


def test_scores_far_apart_do_not_overflow(machine: Machine) -> None:
    agrees(machine, GATED, full(machine), 300, sharpness=60.0)


def test_parts_add_up_to_their_reference(machine: Machine) -> None:
    s = GATED
    parts = normal(1, *partials(SPLITS.count, s).shape)
    parts[:, :, 0, 1] = np.abs(parts[:, :, 0, 1]) + 1
    parts[0, :, 0, 2] = 3
    parts[3] = np.nan  # no position is in the last part
    projected = machine.normal(2, 1, s.projected)
    arrays = {"partials": parts, "projected": projected, "y": machine.zeros(1, s.heads, s.size)}
    kernel = attention_merge(s, rows=SPLITS.count, tuning=GPU, act=machine.act)
    y = machine.run(kernel, arrays, {})["y"]
    gate = exact(projected[0, : s.keys_at].reshape(s.heads, 2, s.size)[:, 1])
    mixed = exact(parts[:3, :, 1:].reshape(3, s.heads, s.size))
    machine.agree(y[0], reference(exact(parts[:3, :, 0, 0]), exact(parts[:3, :, 0, 1]), mixed, gate))
