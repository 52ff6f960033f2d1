"""What the adapter at hand can do at best: compile/kernels/ceilings.py as a plan, whose steps a runtime times."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...compile.kernels import ceilings as kernels
from ...compile.kernels.common import Kernel
from ...compile.lower import lower
from ...compile.plan import PROGRAMS, Plan, PlanBuffer, Step, to_json
from .results import Adapter, Ceiling

READ_BYTES = 128 << 20  # the largest binding of every adapter, and larger than most caches
# Rows, columns, tokens: a GPU must be busy for long enough to be timed, software must be done in time.
GPU_SHAPE = (4096, 4096, 1024)
SOFTWARE_SHAPE = (2048, 1024, 128)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A kernel that might be the fastest of its kind on this adapter."""

    kind: str  # "bandwidth" or "matmul"
    kernel: Kernel
    bound: dict[str, str]  # plan buffers by parameter
    work: float  # bytes, or floating point operations


def candidates(adapter: Adapter) -> list[Candidate]:
    """The kernels made for this kind of adapter."""
    reading = kernels.SOFTWARE_READING if adapter.software else kernels.GPU_READING
    reader = kernels.read_all(READ_BYTES // 4, reading=reading)
    return [Candidate("bandwidth", reader, {"x": "read", "sums": "sums"}, READ_BYTES), *_products(adapter)]


def _products(adapter: Adapter) -> Iterator[Candidate]:
    rows, width, tokens = _shape(adapter)
    for tile in kernels.DIRECT if adapter.software else kernels.STAGED:
        for dtype in ("float32", "float16") if adapter.f16 and not adapter.software else ("float32",):
            kernel = kernels.plain_matmul(rows, width, tokens, tile=tile, dtype=dtype)
            yield Candidate("matmul", kernel, {"w": "w", "x": "x", "y": "y"}, 2 * rows * width * tokens)


def _shape(adapter: Adapter) -> tuple[int, int, int]:
    return SOFTWARE_SHAPE if adapter.software else GPU_SHAPE


def plan(chosen: Sequence[Candidate], adapter: Adapter) -> dict[str, object]:
    """The candidates as a plan whose prefill launches each once."""
    lowered = [lower(candidate.kernel) for candidate in chosen]
    rows, width, tokens = _shape(adapter)
    buffers = {"read": READ_BYTES, "sums": READ_BYTES // kernels.GPU_READING.reads}
    buffers |= {"w": 4 * rows * width, "x": 4 * width * tokens, "y": 4 * rows * tokens}
    steps = tuple(
        Step(i, tuple(candidate.bound[name] for name, _ in kernel.buffers), candidate.kernel.grid)
        for i, (candidate, kernel) in enumerate(zip(chosen, lowered, strict=True))
    )
    return to_json(
        Plan(
            variant="ceilings",
            buffers=tuple(PlanBuffer(name, "io", size) for name, size in buffers.items()),
            kernels=tuple(lowered),
            programs={**dict.fromkeys(PROGRAMS, ()), "prefill": steps},
        )
    )


def ceilings(chosen: Sequence[Candidate], samples: Sequence[Sequence[float]]) -> list[Ceiling]:
    """What each candidate reached, from the milliseconds of its launches: the best of them count."""
    return [
        Ceiling(candidate.kind, candidate.kernel.name, candidate.work / (min(each) / 1000))
        for candidate, each in zip(chosen, samples, strict=True)
    ]
