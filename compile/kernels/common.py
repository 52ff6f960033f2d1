"""The words that kernels are written in: a thin layer over TVM's IR builder.

A kernel is a Python function from sizes to a `Kernel`. Python's own loops and conditions run at build time; `loop`,
`when` and the like put loops and conditions into the kernel. TVM ships no types, so an expression is `Any` here.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import gcd
from typing import Any

from tvm import tirx
from tvm.script.ir_builder import IRBuilder
from tvm.tirx.script import builder as T

from ..extent import Extent

Expr = Any
Buffer = Any

MASKED = -1e30  # what a masked score holds: TVM prints -inf as text that no WGSL compiler takes

SCALARS = {
    "tokens": "int32",
    "position": "int32",
    "keep_at": "int32",
    "temperature": "float32",
    "top_k": "int32",
    "top_p": "float32",
    "min_p": "float32",
    "seed": "uint32",
    "repetition_penalty": "float32",
    "presence_penalty": "float32",
    "frequency_penalty": "float32",
}


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel before it is WGSL: TIR for one device function and the grid it is launched with."""

    name: str
    function: tirx.PrimFunc
    buffers: tuple[str, ...]
    grid: tuple[Extent, Extent]


class KernelBuilder:
    """Collects a kernel: first its buffers and scalars, then, inside `threads`, its body."""

    def __init__(self, name: str, grid: tuple[Extent, Extent], threads: int) -> None:
        self.name = name
        self._grid = grid
        self._threads = threads
        self._frames = ExitStack()
        self._builder = self._frames.enter_context(IRBuilder())
        self._frames.enter_context(T.prim_func(s_tir=True))
        T.func_name(name)
        T.func_attr({"global_symbol": name, "tirx.noalias": True})
        self._buffers: list[str] = []
        self._scalars: dict[str, Expr] = {}

    def buffer(self, name: str, shape: Sequence[int], dtype: str) -> Buffer:
        """A storage buffer; read-only or read-write follows from its use."""
        self._buffers.append(name)
        return T.arg(name, T.buffer(tuple(shape), dtype))

    def scalar(self, name: str) -> Expr:
        """One of SCALARS: a value of the call, from the uniform block."""
        if name not in self._scalars:
            self._scalars[name] = T.arg(name, _constructor(SCALARS[name])())
        return self._scalars[name]

    @contextmanager
    def threads(self) -> Iterator[tuple[Expr, Expr, Expr]]:
        """The body, run by every thread: (workgroup x, workgroup y, thread)."""
        extents = [self._extent(extent) for extent in self._grid]  # may declare a parameter: before the first launch
        with ExitStack() as launch:
            x, y = (
                launch.enter_context(T.launch_thread(f"blockIdx.{axis}", extent))
                for axis, extent in zip("xy", extents, strict=True)
            )
            yield x, y, launch.enter_context(T.launch_thread("threadIdx.x", self._threads))

    def finish(self) -> Kernel:
        """The kernel, once its body is written."""
        self._frames.close()
        return Kernel(self.name, self._builder.get(), tuple(self._buffers), self._grid)

    def _extent(self, extent: Extent) -> Expr:
        if isinstance(extent, int):
            return extent
        tokens = self.scalar("tokens")
        return tokens if extent.each == 1 else (tokens + (extent.each - 1)) // extent.each


def _constructor(dtype: str) -> Any:
    return {"int32": T.int32, "uint32": T.uint32, "float32": T.float32}[dtype]


class Cell:
    """A mutable scalar (or vector) that each thread has for itself."""

    def __init__(self, value: Expr, dtype: str = "float32") -> None:
        self._buffer = T.alloc_buffer((1,), dtype, scope="local")
        self.set(value)

    def get(self) -> Expr:
        return self._buffer[0]

    def set(self, value: Expr) -> None:
        T.buffer_store(self._buffer, value, [0])

    def add(self, value: Expr) -> None:
        self.set(self._buffer[0] + value)


def registers(count: int, dtype: str = "float32") -> Buffer:
    """An array that each thread has for itself."""
    return T.alloc_buffer((count,), dtype, scope="local")


def shared(count: int, dtype: str = "float32") -> Buffer:
    """An array that the threads of a workgroup have in common."""
    return T.alloc_buffer((count,), dtype, scope="shared")


def unsynchronised(count: int, dtype: str = "float32") -> Buffer:
    """Shared memory whose barriers are all written by hand. In `shared` TVM adds one wherever it cannot prove that two
    threads never meet: in every turn of a loop, when an index depends on what was read."""
    return T.alloc_buffer((count,), dtype, scope="shared.unsynchronised")


def store(buffer: Buffer, index: Expr | Sequence[Expr], value: Expr) -> None:
    """buffer[index] = value"""
    T.buffer_store(buffer, value, list(index) if isinstance(index, Sequence) else [index])


def barrier() -> None:
    """Waits until every thread of the workgroup has written what it wrote to shared memory."""
    T.evaluate(T.tvm_storage_sync("shared"))


def let(value: Expr) -> Expr:
    """A name for a value that is used more than once. TVM writes the value out again at each use unless it reads
    memory: `hold` is for arithmetic that must not be repeated."""
    return T.Bind(value)


def hold(value: Expr, dtype: str = "float32") -> Expr:
    """A value computed once, here, and kept in a register."""
    return Cell(value, dtype).get()


def loop(stop: Expr, start: Expr = 0) -> Any:
    """for i in start..stop, in the kernel."""
    return T.serial(start, stop)


@contextmanager
def loop_by(together: int, count: int, *, past_end: bool = False) -> Iterator[list[Expr]]:
    """0..count, up to `together` numbers in each turn: what they load is on its way at the same time, where a GPU would
    else wait for one load after the other. With `past_end` the last turn may go on behind the end."""
    together = min(together, count) if past_end else gcd(together, count)
    with loop(-(-count // together)) as i:
        yield [i * together + j for j in range(together)]


@contextmanager
def when(condition: Expr) -> Iterator[None]:
    """if condition, in the kernel."""
    with T.If(condition), T.Then():
        yield


@contextmanager
def strided(thread: Expr, count: int, threads: int) -> Iterator[Expr]:
    """Spreads 0..count over the threads of a workgroup; the guard is there only where it is needed."""
    whole, rest = divmod(count, threads)
    if whole == 0:
        with when(thread < count):
            yield thread
    elif rest == 0 and whole == 1:
        yield thread
    elif rest == 0:
        with loop(whole) as i:
            yield let(thread + i * threads)
    else:
        with loop(whole + 1) as i:
            index = let(thread + i * threads)
            with when(index < count):
                yield index


def f32(value: Expr) -> Expr:
    """The value as f32."""
    return cast(value, "float32")


def cast(value: Expr, dtype: str) -> Expr:
    """The value in another type."""
    return value if _dtype(value) == dtype else T.Cast(dtype, value)


def _dtype(value: Expr) -> str:
    return str(value.ty.dtype) if hasattr(value, "ty") else str(value.dtype)


def const(value: float, dtype: str = "float32") -> Expr:
    """A literal."""
    return tirx.const(value, dtype)


def choose(condition: Expr, yes: Expr, no: Expr, dtype: str = "float32") -> Expr:
    """One value or the other, both computed and without a branch."""
    return T.call_pure_extern(dtype, "select", no, yes, condition)


def silu(x: Expr) -> Expr:
    """x · sigmoid(x)"""
    return x / (const(1.0) + T.exp(-x))


def silu_four(x: Expr) -> Expr:
    """silu of each value of a vec4<f32>."""
    return T.Shuffle([silu(lane(x, i)) for i in range(4)], [0, 1, 2, 3])


def sigmoid(x: Expr) -> Expr:
    """1 / (1 + e^-x)"""
    return const(1.0) / (const(1.0) + T.exp(-x))


def softplus(x: Expr) -> Expr:
    """log(1 + e^x), to 3e-7 of it; x itself past 20, where f32 sees no difference and e^x would overflow.

    Below e^x = 1/32 by the series: 1 + e^x rounds most of a small e^x away, and GPUs may take the logarithm of what is
    almost 1 with an absolute error of 2⁻²¹ (Vulkan's "Precision of Individual Operations")."""
    power = hold(T.exp(T.min(x, const(20.0))))
    series = const(0.25)
    for divisor in (3.0, 2.0, 1.0):
        series = const(1 / divisor) - power * series
    return T.Select(x > const(20.0), x, T.Select(power < const(1 / 32), power * series, T.log(const(1.0) + power)))


def dot(a: Expr, b: Expr) -> Expr:
    """The inner product of two vec4<f32>."""
    return T.call_pure_extern("float32", "dot", a, b)


def splat(value: float) -> Expr:
    """vec4<f32> with the same value four times."""
    return T.broadcast(const(value), 4)


def vec4_f32(vector: Expr) -> Expr:
    """vec4<f16> or vec4<f32> as vec4<f32>."""
    return cast(vector, "float32x4")


def lane(vector: Expr, index: int) -> Expr:
    """One component of a vector."""
    return T.Shuffle([vector], [index])


class Rows:
    """A 2-D activation or weight buffer whose rows are read four values at a time, whatever their width.

    Rows that are a multiple of 4 wide become vec4 loads, others are read value by value, so that every width works and
    the usual ones are fast. Rows are read in groups of 32 values, past the end if they are no multiple of that.
    """

    def __init__(self, k: KernelBuilder, name: str, rows: int, width: int, dtype: str) -> None:
        self.width = width
        self._vector = width % 4 == 0
        self._buffer = (
            k.buffer(name, (rows, width // 4), f"{dtype}x4") if self._vector else k.buffer(name, (rows, width), dtype)
        )

    def four(self, row: Expr, index: Expr) -> Expr:
        """Values 4·index .. 4·index+3 of a row as vec4<f32>; past its end, any values of the row.

        They meet the zeros that fill a matrix' last group. Zeros here too, behind an if for each load, made
        SwiftShader compile a matmul for two minutes and die.
        """
        if self._vector:
            inside = index if self.width % 32 == 0 else T.min(index, self.width // 4 - 1)
            return vec4_f32(self._buffer[row, inside])
        values = [f32(self._buffer[row, T.min(index * 4 + i, self.width - 1)]) for i in range(4)]
        return T.Shuffle(values, [0, 1, 2, 3])


def sum_over(values: Buffer, count: int) -> Expr:
    """The sum of a shared array, computed by each thread for itself: reads are broadcasts, and no barrier is paid."""
    total = Cell(const(0.0))
    with loop(count) as i:
        total.add(values[i])
    return total.get()
