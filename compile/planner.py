"""A schedule to a plan: kernels lowered once each, values given their buffers, and the whole checked."""

from collections.abc import Set as AbstractSet

from .kernels.common import Extent
from .lower import Shader, lower
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
    shaders: dict[str, Shader] = {}
    programs: dict[str, tuple[Step, ...]] = {}
    for program in PROGRAMS:
        steps = []
        for launch in schedule.programs[program]:
            shader = shaders.setdefault(launch.kernel.name, lower(launch.kernel))
            if shader != lower(launch.kernel):
                raise PlanError(f"two different kernels are called {shader.name}")
            names = {
                parameter: scratch[placed[program, name]].name if name in values else name
                for parameter, name in launch.bound.items()
            }
            steps.append(_step(launch, shader, names, list(shaders).index(shader.name)))
        programs[program] = tuple(steps)
    plan = Plan(
        variant=variant.name,
        buffers=(*schedule.fixed.values(), *scratch),
        kernels=tuple(PlanKernel(s.name, s.entry, s.code, s.buffers, s.scalars) for s in shaders.values()),
        programs=programs,
    )
    check(plan, weights)
    return plan


def _step(launch: Launch, shader: Shader, names: dict[str, str], index: int) -> Step:
    if odd := set(names) ^ {parameter for parameter, _ in shader.buffers}:
        raise PlanError(f"{shader.name} is launched with other parameters than it has: {', '.join(sorted(odd))}")
    x, y = launch.kernel.grid
    return Step(
        index, tuple(names[parameter] for parameter, _ in shader.buffers), (_extent(x), _extent(y)), launch.past
    )


def _extent(extent: Extent) -> int:
    return extent if isinstance(extent, int) else -extent.each
