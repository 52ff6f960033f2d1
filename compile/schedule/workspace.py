"""Where the launches of a model are collected, and where they get their buffers."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..kernels.common import Kernel
from ..models.layers import Value
from ..plan import KEPT, PROGRAMS, PlanBuffer
from ..variants import Variant

SIZES = {"float32": 4, "float16": 2}
HIDDEN = {"hidden": "hidden", "scaled": "scaled", "squares": "squares"}


@dataclass(frozen=True, slots=True)
class Launch:
    """A kernel and what each of its parameters is bound to."""

    kernel: Kernel
    bound: dict[str, str]
    past: int = 0  # positions up to which there is nothing to do for it


@dataclass(slots=True)
class Schedule:
    """The launches of every program, and the buffers and weights they name."""

    programs: dict[str, list[Launch]]
    fixed: dict[str, PlanBuffer] = field(default_factory=dict)  # io, state and kept
    scratch: dict[tuple[str, str], int] = field(default_factory=dict)  # bytes of a value in a program


class Workspace:
    """A schedule while it is written: the program that launches belong to now, and buffers by name."""

    def __init__(self, quantisation: str, variant: Variant) -> None:
        self.quantisation, self.act, self.tuning = quantisation, variant.act, variant.tuning
        self.kv_cache, self.chunk = variant.kv_cache, variant.tuning.chunk
        self.schedule = Schedule({name: [] for name in PROGRAMS})
        self.program = "prefill"
        self.squares = 0  # numbers in `squares` at this point of decode

    def enter(self, program: str, launches: Iterable[Launch]) -> None:
        """Adds launches to a program. A generator runs here, so the values it names belong to that program."""
        self.program = program
        self.schedule.programs[program] += launches

    def io(self, name: str, size: int) -> str:
        """A buffer that the runtime or several programs know by its name."""
        self.schedule.fixed[name] = PlanBuffer(name, "io", size)
        return name

    def state(self, name: str, size: int, per_position: int = 0) -> str:
        """A buffer that lasts from call to call."""
        self.schedule.fixed[name] = PlanBuffer(name, "state", size, per_position)
        return name

    def kept(self, state: str) -> str:
        """Where prefill leaves what that state, which cannot be cut back, was after the call's first keep_at tokens."""
        name = state + KEPT
        self.schedule.fixed[name] = PlanBuffer(name, "kept", self.schedule.fixed[state].bytes)
        return name

    def scratch(self, name: str, width: int, dtype: str) -> str:
        """A row per token, or one row outside of prefill, that lasts as long as its program needs it."""
        rows = self.chunk if self.program == "prefill" else 1
        self.schedule.scratch[self.program, name] = -(-rows * width * SIZES[dtype] // 4) * 4
        return name

    def dtype(self, value: Value) -> str:
        """How a value is stored."""
        return "float32" if value.exact else self.act

    def named(self, value: Value) -> str:
        """The scratch buffer of a value."""
        return self.scratch(value.name, value.width, self.dtype(value))
