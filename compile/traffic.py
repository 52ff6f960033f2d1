"""What a decoded token moves through memory, by what its launches bind: each launch counts for itself."""

from collections.abc import Mapping
from dataclasses import dataclass

from .schedule import Launch, Schedule

TOKEN_PROGRAMS = ("decode", "head", "sample")


@dataclass(frozen=True, slots=True)
class Traffic:
    """Bytes for one token at the start of a conversation, and what each position of it adds."""

    weights: int  # bound by the launches: a tensor as often as launches bind it; of a table, one row
    distinct_weights: int  # of those, each tensor once
    state: int  # of a fixed size, bound by the launches; as much is written
    distinct_state: int
    activations: int  # that launches leave for each other, read or written
    cache_per_position: int  # keys and values: one launch reads all of them, another writes one position

    @property
    def repeated(self) -> float:
        """Everything that is bound, as a multiple of the weights and the state."""
        return (self.weights + self.state + self.activations) / (self.distinct_weights + self.distinct_state)


def traffic(schedule: Schedule, sizes: Mapping[str, int]) -> Traffic:
    """The traffic of a schedule over tensors of these sizes."""
    launches = [(program, launch) for program in TOKEN_PROGRAMS for launch in schedule.programs[program]]
    chunk = schedule.fixed["tokens"].bytes // 4
    vocabulary = schedule.fixed["logits"].bytes // 4
    weights, state, tables = [], [], set()
    activations = 0
    for program, launch in launches:
        table = _table(launch)
        tables |= table
        for name in launch.bound.values():
            if name in sizes:
                weights += [name] if name not in table else []
            elif name in schedule.fixed and schedule.fixed[name].role == "state":
                state.append(name)
            elif name in schedule.fixed:
                # Of these two, prefill has a row for each token of a chunk and decode the first.
                rows = chunk if name in ("tokens", "hidden") else 1
                activations += schedule.fixed[name].bytes // rows
            else:
                activations += schedule.scratch[program, name]
    row = sum(sizes[name] for name in tables) // vocabulary
    return Traffic(
        weights=sum(sizes[name] for name in weights) + row,
        distinct_weights=sum(sizes[name] for name in set(weights)) + row,
        state=sum(schedule.fixed[name].bytes for name in state),
        distinct_state=sum(schedule.fixed[name].bytes for name in set(state)),
        activations=activations,
        cache_per_position=sum(schedule.fixed[name].bytes_per_position for name in set(state)),
    )


def _table(launch: Launch) -> set[str]:
    """The tensors of the embedding table that a launch binds, to read a row of."""
    if not launch.kernel.name.startswith("embed_"):
        return set()
    return {name for parameter, name in launch.bound.items() if parameter.startswith("w_")}
