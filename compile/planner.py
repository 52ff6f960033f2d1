"""A schedule to a plan: kernels lowered once each, values given their buffers, and the whole checked."""

from collections.abc import Set as AbstractSet

from .lower import lower
from .memory import place
from .plan import PROGRAMS, Plan, PlanBuffer, PlanError, PlanKernel, Step, check
from .schedule import Launch, Schedule
from .variants import Variant


def make_plan(schedule: Schedule, variant: Variant, weights: AbstractSet[str]) -> Plan:
    """The plan of one variant; `weights` are the names in the weight stream."""
    values = {value for _, value in schedule.scratch}
    uses = {
        program: [[name for name in launch.bound.values() if name in values] for launch in schedule.programs[program]]
        for program in PROGRAMS
    }
    placed, sizes = place(uses, schedule.scratch)
    scratch = [PlanBuffer(f"scratch.{i}", "scratch", size) for i, size in enumerate(sizes)]
    kernels: dict[str, PlanKernel] = {}
    numbers: dict[str, int] = {}
    programs: dict[str, tuple[Step, ...]] = {}
    for program in PROGRAMS:
        steps = []
        for launch in schedule.programs[program]:
            kernel = lower(launch.kernel)
            if kernels.setdefault(kernel.name, kernel) != kernel:
                raise PlanError(f"two different kernels are called {kernel.name}")
            number = numbers.setdefault(kernel.name, len(numbers))
            names = {
                parameter: scratch[placed[program, name]].name if name in values else name
                for parameter, name in launch.bound.items()
            }
            steps.append(_step(launch, kernel, names, number))
        programs[program] = tuple(steps)
    plan = Plan(
        variant=variant.name,
        buffers=(*schedule.fixed.values(), *scratch),
        kernels=tuple(kernels.values()),
        programs=programs,
    )
    check(plan, weights)
    return plan


def _step(launch: Launch, kernel: PlanKernel, names: dict[str, str], number: int) -> Step:
    if odd := set(names) ^ {parameter for parameter, _ in kernel.buffers}:
        raise PlanError(f"{kernel.name} is launched with other parameters than it has: {', '.join(sorted(odd))}")
    return Step(number, tuple(names[parameter] for parameter, _ in kernel.buffers), launch.kernel.grid, launch.past)
