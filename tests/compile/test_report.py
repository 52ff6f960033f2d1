"""What a model costs: launches and bytes for a token, memory by context; of the published models, from their plans."""

import json
from typing import Any

import pytest
from windowseat.compile.gpu_memory import GpuMemory, most_snapshots
from windowseat.compile.models import ARCHITECTURES, qwen3_5
from windowseat.compile.models.layers import Model
from windowseat.compile.plan import PROGRAMS, Plan, PlanKernel
from windowseat.compile.published import published_config
from windowseat.compile.report import build_report
from windowseat.compile.schedule import schedule, weights_of
from windowseat.compile.traffic import traffic
from windowseat.compile.variants import VARIANTS, Variant
from windowseat.compile.webgpu_limits import MAX_BINDING
from windowseat.compile.weights import tensor_sizes

from tests.compile.tiny_model import CONFIG

MOST_LAUNCHES = {"0.8B": 140, "2B": 140, "4B": 190, "9B": 190}
sizes = pytest.mark.parametrize("size", MOST_LAUNCHES)
BASE = next(variant for variant in VARIANTS if variant.name == "base")
variants = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)


def published(size: str) -> Model:
    config = published_config(size)
    architecture = ARCHITECTURES[config["model_type"]]
    model: Model = architecture.model(architecture.config(config, size))
    return model


def tensors(model: Model, quantisation: str) -> dict[str, int]:
    return {name: size for w in weights_of(model) for name, size in tensor_sizes(w, quantisation).items()}


@sizes
@variants
def test_a_token_of_a_published_model_takes_few_launches_and_reads_little_twice(size: str, variant: Variant) -> None:
    model = published(size)
    planned = schedule(model, "q4", variant)
    token = traffic(planned, tensors(model, "q4"))
    for choice in ("sample", "draw"):
        assert sum(len(planned.programs[each]) for each in ("decode", "head", choice)) <= MOST_LAUNCHES[size]
    assert token.repeated <= 1.05
    assert token.state == token.distinct_state
    bound = [name for launch in planned.programs["decode"] for name in launch.bound.values()]
    caches = [name for name, buffer in planned.fixed.items() if buffer.bytes_per_position]
    assert {bound.count(name) for name in caches} == {2}, "one launch writes keys and values, and one reads them"


@pytest.mark.parametrize("quantisation", ["q4", "f16"])
@sizes
def test_nothing_needs_a_larger_binding_than_every_adapter_has(size: str, quantisation: str) -> None:
    model = published(size)
    planned = schedule(model, quantisation, BASE)
    fixed = [buffer.bytes for buffer in planned.fixed.values()]
    assert max([*tensors(model, quantisation).values(), *fixed, *planned.scratch.values()]) <= MAX_BINDING


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    """What is written of a tiny model in its base variant, with made-up kernels: nothing is lowered."""
    model = qwen3_5.model(qwen3_5.config({**CONFIG, "max_position_embeddings": 40_000}, "tiny"))
    planned = schedule(model, "q4", BASE)
    kernels = tuple(PlanKernel("k", "k", "", (), scalars) for scalars in [("tokens",), (), ("tokens", "position")])
    plan = Plan("base", tuple(planned.fixed.values()), kernels, {program: () for program in PROGRAMS})
    written = json.dumps(build_report([(BASE, planned, plan)], tensors(model, "q4"), [], {}, model.positions))
    content: dict[str, Any] = json.loads(written)["variants"]["base"]
    return content


def test_memory_grows_with_the_context_by_what_a_position_takes(report: dict[str, Any]) -> None:
    by_context = {int(tokens): size for tokens, size in report["gpu_memory_by_context"].items()}
    position = report["cache_bytes_per_position"]
    assert list(by_context) == [1024, 4096, 32768, 40_000]
    assert position == 2 * 32 * 4
    assert [size - by_context[1024] for size in by_context.values()] == [
        position * (tokens - 1024) for tokens in by_context
    ]


def test_memory_counts_whole_blocks_of_the_cache_and_every_snapshot() -> None:
    memory = GpuMemory(weights=1000, buffers=100, snapshot=7, snapshots=3, cache_per_position=2)
    assert memory.at(1, 4000) == memory.at(1024, 4000) == 1121 + 2 * 1024
    assert memory.at(1025, 4000) == 1121 + 2 * 2048
    assert memory.at(4000, 4000) == 1121 + 2 * 4000


def test_memory_has_the_state_its_copies_and_a_slot_for_each_list_of_scalars(report: dict[str, Any]) -> None:
    memory, state = report["gpu_memory"], 2 * 16 * 16 * 4 + 4 * (2 * 16 + 2 * 16) * 4
    assert memory["snapshot"] == state
    assert memory["buffers"] >= state + 2 * 256


@pytest.mark.parametrize(("snapshot", "most"), [(0, 0), (1024, 8), (50 << 20, 5), (200 << 20, 2)])
def test_a_model_with_large_state_keeps_fewer_snapshots(snapshot: int, most: int) -> None:
    assert most_snapshots(snapshot) == most
