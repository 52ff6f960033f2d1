"""Attention on software adapters, in prefill and in decode, around the edges of blocks and parts."""

from dataclasses import replace

import numpy as np
import pytest
from windowseat.compile.kernels.attention_merge import Splits, attention_merge
from windowseat.compile.kernels.attention_plain import attention_plain, attention_plain_split, reach
from windowseat.compile.shapes import AttentionShape
from windowseat.compile.tuning import SOFTWARE

from tests.compile.attention_case import GATED, LONG, NARROW, ODD, SHAPES, WIDE, Case, partials
from tests.compile.machine import Machine

CHUNK = 40
SPLITS = Splits(count=20, tile=8)
shapes = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)


def chunk_agrees(machine: Machine, shape: AttentionShape, form: str, position: int, tokens: int) -> None:
    kernel = attention_plain(shape, chunk=CHUNK, kv_cache=form)
    Case(machine, shape, form, position, tokens, CHUNK).agrees([kernel])


def token_agrees(machine: Machine, shape: AttentionShape, form: str, position: int, sharpness: float = 1.0) -> None:
    kernels = [
        attention_plain_split(shape, splits=SPLITS, kv_cache=form),
        attention_merge(shape, rows=SPLITS.count, tuning=SOFTWARE, act="float32"),
    ]
    Case(machine, shape, form, position, sharpness=sharpness).agrees(kernels, partials=partials(SPLITS.count, shape))


@shapes
@pytest.mark.parametrize(("position", "tokens"), [(0, 1), (0, 33), (6, 3)])
def test_a_chunk_agrees_with_the_reference(
    f32_machine: Machine, shape: AttentionShape, position: int, tokens: int
) -> None:
    chunk_agrees(f32_machine, shape, "f32", position, tokens)


@shapes
@pytest.mark.parametrize("position", [0, 30])
def test_a_token_agrees_with_the_reference(f32_machine: Machine, shape: AttentionShape, position: int) -> None:
    token_agrees(f32_machine, shape, "f32", position)


@pytest.mark.parametrize("position", [7, 8, 63, 64, 159, 160])
def test_so_it_does_at_the_edges_of_blocks_and_parts(f32_machine: Machine, position: int) -> None:
    token_agrees(f32_machine, GATED, "f32", position)
    chunk_agrees(f32_machine, GATED, "f32", position, 2)


def test_a_long_way_into_a_conversation_too(f32_machine: Machine) -> None:
    chunk_agrees(f32_machine, LONG, "f32", 3050, 3)
    token_agrees(f32_machine, LONG, "f32", 3050)


@pytest.mark.parametrize("position", [10, 3870])
def test_what_one_launch_does_not_reach_is_left_to_the_next(wgpu_f32: Machine, position: int) -> None:
    shape = replace(WIDE, positions=4200)
    assert reach(shape, "f32") == 3872  # lavapipe would end a longer walk in its middle
    kernels = [attention_plain(shape, chunk=3, kv_cache="f32", first=first) for first in (True, False)]
    walked = np.full((3, shape.heads, 4), np.nan, np.float32)
    Case(wgpu_f32, shape, "f32", position, 3, 3).agrees(kernels, walked=walked)


def test_up_to_its_reach_one_launch_is_enough(wgpu_f32: Machine) -> None:
    shape = replace(WIDE, positions=4200)
    walked = np.full((3, shape.heads, 4), np.nan, np.float32)
    position = reach(shape, "f32") - 3
    kernel = attention_plain(shape, chunk=3, kv_cache="f32", first=True)
    Case(wgpu_f32, shape, "f32", position, 3, 3).agrees([kernel], walked=walked)


@pytest.mark.parametrize("shape", [ODD, NARROW], ids=lambda shape: shape.name)
def test_a_q8_cache_agrees_with_what_it_stands_for(f32_machine: Machine, shape: AttentionShape) -> None:
    chunk_agrees(f32_machine, shape, "q8", 60, 9)
    token_agrees(f32_machine, shape, "q8", 60)


def test_scores_far_apart_do_not_overflow(f32_machine: Machine) -> None:
    token_agrees(f32_machine, GATED, "f32", 150, sharpness=60.0)
