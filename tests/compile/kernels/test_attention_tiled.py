"""Attention of many tokens on GPUs, around the edges of its tiles of 32 rows and 32 positions."""

import pytest
from windowseat.compile.kernels.attention_merge import attention_merge
from windowseat.compile.kernels.attention_tiled import attention_tiled, rows_of
from windowseat.compile.shapes import AttentionShape
from windowseat.compile.tuning import GPU

from tests.compile.attention_case import GATED, LONG, NARROW, ODD, SHAPES, WIDE, Case, full, partials
from tests.compile.machine import Machine

CHUNK = 40


def agrees(
    machine: Machine, shape: AttentionShape, form: str, position: int, tokens: int, sharpness: float = 1
) -> None:
    rows = rows_of(shape, CHUNK)
    kernels = [
        attention_tiled(shape, chunk=CHUNK, act=machine.act, kv_cache=form),
        attention_merge(shape, rows=rows, chunk=CHUNK, tuning=GPU, act=machine.act),
    ]
    Case(machine, shape, form, position, tokens, CHUNK, sharpness).agrees(kernels, partials=partials(rows, shape))


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
@pytest.mark.parametrize(("position", "tokens"), [(0, 1), (0, 33), (30, 3), (63, 9)])
def test_a_chunk_agrees_with_the_reference(machine: Machine, shape: AttentionShape, position: int, tokens: int) -> None:
    agrees(machine, shape, full(machine), position, tokens)


@pytest.mark.parametrize(("position", "tokens"), [(100, 28), (127, 2), (250, 9), (255, 1), (260, 40)])
def test_so_it_does_at_the_edges_of_parts(machine: Machine, position: int, tokens: int) -> None:
    agrees(machine, GATED, full(machine), position, tokens)


def test_a_long_way_into_a_conversation_too(machine: Machine) -> None:
    agrees(machine, LONG, full(machine), 3041, 18)


@pytest.mark.parametrize("shape", [ODD, WIDE, NARROW], ids=lambda shape: shape.name)
def test_a_q8_cache_agrees_with_what_it_stands_for(f32_machine: Machine, shape: AttentionShape) -> None:
    agrees(f32_machine, shape, "q8", 60, 9)


def test_scores_far_apart_do_not_overflow(machine: Machine) -> None:
    agrees(machine, GATED, full(machine), 150, 3, sharpness=60.0)
