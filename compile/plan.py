"""The plan: every kernel launch of a model in one variant, as plain data. plan.schema.json is its written form."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from .extent import Extent

PROGRAMS = ("prefill", "decode", "head", "penalise", "mask", "sample", "draw", "count", "logprobs")

KEPT = ".kept"  # after the name of a state


class PlanError(Exception):
    """A plan that must not be written: a bug of ours."""


@dataclass(frozen=True, slots=True)
class PlanBuffer:
    """A buffer that is not a weight; bytes + bytes_per_position · context long."""

    name: str
    role: str  # "io", "state", "kept" or "scratch"
    bytes: int
    bytes_per_position: int = 0

    @property
    def is_uncut(self) -> bool:
        """Whether it is state that is no list by position, so that going back in it takes a copy."""
        return self.role == "state" and self.bytes > 0 and not self.bytes_per_position


@dataclass(frozen=True, slots=True)
class PlanKernel:
    """A kernel as WGSL; binding i is buffers[i], and the uniform block with `scalars` comes after the last."""

    name: str
    entry: str
    code: str
    buffers: tuple[tuple[str, str], ...]  # (parameter, "read" | "read_write")
    scalars: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One kernel launch. Calls that leave no more than `past` positions behind them do without it."""

    kernel: int
    buffers: tuple[str, ...]
    grid: tuple[Extent, Extent]
    past: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """All launches of a variant, and what they need."""

    variant: str
    buffers: tuple[PlanBuffer, ...]
    kernels: tuple[PlanKernel, ...]
    programs: Mapping[str, tuple[Step, ...]]


def check(plan: Plan, weights: AbstractSet[str]) -> None:
    """Everything a step reads is a weight, io, state, or scratch that an earlier step of its program wrote. State that
    cannot be cut back has its `kept`."""
    known = {buffer.name: buffer for buffer in plan.buffers}
    uncut = {(b.name, b.bytes) for b in plan.buffers if b.is_uncut}
    kept = {(b.name.removesuffix(KEPT), b.bytes) for b in plan.buffers if b.role == "kept"}
    if odd := sorted(name for name, _ in uncut ^ kept):
        raise PlanError(f"{odd[0]!r} and what is kept of it do not match")
    for program in PROGRAMS:
        written: set[str] = set()
        for i, step in enumerate(plan.programs[program]):
            kernel = plan.kernels[step.kernel]
            where = f"step {i} of {program} ({kernel.name})"
            if len(step.buffers) != len(kernel.buffers):
                raise PlanError(f"{where} binds {len(step.buffers)} buffers; the kernel has {len(kernel.buffers)}")
            accesses = [access for _, access in kernel.buffers]
            _check_step(where, step.buffers, accesses, known, weights, written)
            if not step.past:
                written |= {name for name, access in zip(step.buffers, accesses, strict=True) if access != "read"}


def _check_step(
    where: str,
    names: Sequence[str],
    accesses: Sequence[str],
    known: Mapping[str, PlanBuffer],
    weights: AbstractSet[str],
    written: AbstractSet[str],
) -> None:
    for name, access in zip(names, accesses, strict=True):
        if name not in known and name not in weights:
            raise PlanError(f"{where} binds {name!r}, which is neither a buffer nor a weight")
        if access != "read" and name in weights:
            raise PlanError(f"{where} writes the weight {name!r}")
        if access == "read" and name in known and known[name].role == "scratch" and name not in written:
            raise PlanError(f"{where} reads {name!r} before any step writes it")
        if access != "read" and names.count(name) > 1:
            raise PlanError(f"{where} binds {name!r} for writing and once more: WebGPU refuses that")


def to_json(plan: Plan) -> dict[str, object]:
    """The plan as plan.schema.json has it."""
    return {
        "version": 1,
        "variant": plan.variant,
        "buffers": [
            {"name": b.name, "role": b.role, "bytes": b.bytes, "bytes_per_position": b.bytes_per_position}
            for b in plan.buffers
        ],
        "kernels": [
            {
                "name": k.name,
                "entry": k.entry,
                "code": k.code,
                "buffers": [{"name": name, "access": access} for name, access in k.buffers],
                "scalars": list(k.scalars),
            }
            for k in plan.kernels
        ],
        "programs": {name: [_step(step) for step in steps] for name, steps in plan.programs.items()},
    }


def _step(step: Step) -> dict[str, object]:
    written = {"kernel": step.kernel, "buffers": list(step.buffers), "grid": [_extent(e) for e in step.grid]}
    return written | ({"past": step.past} if step.past else {})


def _extent(extent: Extent) -> int | dict[str, int]:
    return extent if isinstance(extent, int) else {"tokens_per_group": extent.each}
