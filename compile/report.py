"""report.json: what a bundle costs, for people and for tests. The runtime does not read it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from .plan import PROGRAMS, Plan, Step
from .tally import TensorError
from .variants import Variant

CONTEXTS = (1024, 4096, 32768, 262144)


def build_report(
    plans: Sequence[tuple[Variant, Plan]],
    sizes: Mapping[str, int],
    errors: Sequence[TensorError],
    skipped: Mapping[str, int],
    context: int,
    positions: int,
) -> dict[str, object]:
    """Bytes, launches per token, memory by context, quantisation errors, and what was left out."""
    return {
        "weight_bytes": sum(sizes.values()),
        "skipped_tensors": dict(skipped),
        "variants": {variant.name: _variant(plan, sizes, context, positions) for variant, plan in plans},
        "quantisation_errors": [
            asdict(error)
            | {"relative_rms": float(f"{error.relative_rms:.4g}"), "max_abs": float(f"{error.max_abs:.4g}")}
            for error in errors
        ],
    }


def _variant(plan: Plan, sizes: Mapping[str, int], context: int, positions: int) -> dict[str, object]:
    fixed = sum(buffer.bytes for buffer in plan.buffers)
    per_position = sum(buffer.bytes_per_position for buffer in plan.buffers)
    contexts = sorted({context, positions, *(c for c in CONTEXTS if c < positions)})
    token_programs = ("decode", "head", "sample")
    bound = {name for program in token_programs for step in plan.programs[program] for name in step.buffers}
    tables = {name for step in plan.programs["decode"] for name in _table(plan, step)}
    heads = {name for step in plan.programs["head"] for name in step.buffers}
    read = (bound - (tables - heads)) & sizes.keys()  # of a table, a token reads one row
    state = sum(buffer.bytes for buffer in plan.buffers if buffer.role == "state")
    return {
        "dispatches": {program: len(plan.programs[program]) for program in PROGRAMS},
        "dispatches_per_token": sum(len(plan.programs[program]) for program in token_programs),
        "weight_bytes_per_token": sum(sizes[name] for name in read),
        "state_bytes_per_token": 2 * state,
        "cache_bytes_per_position": per_position,
        "gpu_memory_by_context": {
            str(tokens): sum(sizes.values()) + fixed + per_position * tokens for tokens in contexts
        },
    }


def _table(plan: Plan, step: Step) -> list[str]:
    """The tensors of the embedding table that a step binds."""
    kernel = plan.kernels[step.kernel]
    if not kernel.name.startswith("embed_"):
        return []
    bound = zip(kernel.buffers, step.buffers, strict=True)
    return [name for (parameter, _), name in bound if parameter.startswith("w_")]
