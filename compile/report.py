"""report.json: what a bundle costs, for people and for tests. The runtime does not read it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from .gpu_memory import gpu_memory
from .plan import PROGRAMS, Plan
from .schedule import Schedule
from .tally import TensorError
from .traffic import TOKEN_PROGRAMS, traffic
from .variants import Variant

CONTEXTS = (1024, 4096, 32768, 131072, 262144)


def build_report(
    plans: Sequence[tuple[Variant, Schedule, Plan]],
    sizes: Mapping[str, int],
    errors: Sequence[TensorError],
    skipped: Mapping[str, int],
    positions: int,
) -> dict[str, object]:
    """Bytes, launches per token, memory by context, quantisation errors, and what was left out."""
    return {
        "weight_bytes": sum(sizes.values()),
        "skipped_tensors": dict(skipped),
        "variants": {each.name: _variant(each, schedule, plan, sizes, positions) for each, schedule, plan in plans},
        "quantisation_errors": [
            asdict(error)
            | {"relative_rms": float(f"{error.relative_rms:.4g}"), "max_abs": float(f"{error.max_abs:.4g}")}
            for error in errors
        ],
    }


def _variant(
    variant: Variant, schedule: Schedule, plan: Plan, sizes: Mapping[str, int], positions: int
) -> dict[str, object]:
    token, memory = traffic(schedule, sizes), gpu_memory(plan, sizes)
    contexts = [*(c for c in CONTEXTS if c < positions), positions]
    return {
        "kv_cache": variant.kv_cache,
        "dispatches": {program: sum(not step.past for step in plan.programs[program]) for program in PROGRAMS},
        "dispatches_per_token": sum(len(plan.programs[program]) for program in TOKEN_PROGRAMS),
        "weight_bytes_per_token": token.weights,
        "state_bytes_per_token": 2 * token.state,
        "activation_bytes_per_token": token.activations,
        "bytes_over_weights_and_state": float(f"{token.repeated:.4g}"),
        "cache_bytes_per_position": token.cache_per_position,
        "gpu_memory": asdict(memory),
        "gpu_memory_by_context": {str(tokens): memory.at(tokens, positions) for tokens in contexts},
    }
