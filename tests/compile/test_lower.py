"""Lowering: what TVM gets wrong in silence is caught, and what the WGSL says is what the runtime is told."""

import pytest
from tvm.script.ir_builder import IRBuilder
from tvm.tirx.script import builder as T
from windowseat.compile.extent import PerTokens
from windowseat.compile.kernels.common import (
    Cell,
    Kernel,
    KernelBuilder,
    barrier,
    cast,
    const,
    let,
    registers,
    shared,
    store,
)
from windowseat.compile.lower import LoweringError, lower


def copy(dtype: str, name: str = "bad") -> Kernel:
    k = KernelBuilder(name, (1, 1), 32)
    x, y = k.buffer("x", (32,), dtype), k.buffer("y", (32,), dtype)
    with k.threads() as (_, _, thread):
        store(y, thread, x[thread])
    return k.finish()


def constant(value: float) -> Kernel:
    k = KernelBuilder("bad", (1, 1), 32)
    y = k.buffer("y", (32,), "float32")
    with k.threads() as (_, _, thread):
        store(y, thread, const(value))
    return k.finish()


def chain(buffers: int) -> Kernel:
    """Each buffer becomes the one after it."""
    k = KernelBuilder("bad", (1, 1), 32)
    chained = [k.buffer(f"x{i}", (32,), "float32") for i in range(buffers)]
    with k.threads() as (_, _, thread):
        for i in range(buffers - 1):
            store(chained[i + 1], thread, chained[i][thread])
    return k.finish()


def reversing(count: int) -> Kernel:
    """Turns 64 runs of `count` values around through workgroup memory."""
    k = KernelBuilder("bad", (1, 1), 64)
    x, y = k.buffer("x", (64 * count,), "float32"), k.buffer("y", (64 * count,), "float32")
    with k.threads() as (_, _, thread):
        held = shared(64 * count)
        for i in range(count):
            store(held, thread * count + i, x[thread * count + i])
        barrier()
        for i in range(count):
            store(y, thread * count + i, held[64 * count - 1 - (thread * count + i)])
    return k.finish()


def ones(threads: int, grid: tuple[int, int] = (1, 1)) -> Kernel:
    k = KernelBuilder("bad", grid, threads)
    y = k.buffer("y", (100_000,), "float32")
    with k.threads() as (x, _, thread):
        store(y, thread + x, const(1.0))
    return k.finish()


def refusal(kernel: Kernel) -> str:
    with pytest.raises(LoweringError) as caught:
        lower(kernel)
    return str(caught.value)


@pytest.mark.parametrize(
    ("dtype", "printed"), [("int8", "i8"), ("uint8", "u8"), ("bool", "i8"), ("int16", "i16"), ("bfloat16", "u16")]
)
def test_types_that_wgsl_has_not_are_refused(dtype: str, printed: str) -> None:
    assert refusal(copy(dtype)) == f"bad: the type {printed} does not exist in WGSL"


@pytest.mark.parametrize("dtype", ["int64", "float64"])
def test_types_that_tvm_refuses_are_refused_by_name_of_the_kernel(dtype: str) -> None:
    assert refusal(copy(dtype)).startswith("bad: ")


@pytest.mark.parametrize(("value", "printed"), [("-inf", "-inff"), ("inf", "inff"), ("nan", "nanf")])
def test_literals_that_wgsl_has_not_are_refused(value: str, printed: str) -> None:
    assert refusal(constant(float(value))) == f"bad: the literal '{printed}' is not WGSL; use a large finite number"


def test_eight_storage_buffers_are_taken() -> None:
    assert len(lower(chain(8)).buffers) == 8


def test_nine_storage_buffers_are_refused() -> None:
    assert refusal(chain(9)) == "bad: 9 storage buffers; WebGPU promises 8"


def test_a_local_array_outside_the_threads_is_refused() -> None:
    k = KernelBuilder("bad", (1, 1), 32)
    y = k.buffer("y", (32,), "float32")
    hoisted = registers(4)
    with k.threads() as (_, _, thread):
        store(hoisted, 0, const(1.0))
        store(y, thread, hoisted[0])
    assert "bad: its storage buffers differ from its parameters" in refusal(k.finish())


def test_a_local_scalar_outside_the_threads_is_refused() -> None:
    k = KernelBuilder("bad", (1, 1), 32)
    y = k.buffer("y", (32,), "float32")
    hoisted = Cell(const(0.0))
    with k.threads() as (_, _, thread):
        hoisted.add(const(1.0))
        store(y, thread, hoisted.get())
    assert "bad: its storage buffers differ from its parameters" in refusal(k.finish())


def test_a_parameter_that_nobody_uses_is_refused() -> None:
    k = KernelBuilder("bad", (1, 1), 32)
    k.buffer("unused", (32,), "float32")
    y = k.buffer("y", (32,), "float32")
    with k.threads() as (_, _, thread):
        store(y, thread, const(1.0))
    assert refusal(k.finish()) == "bad: its storage buffers differ from its parameters in: 'unused'"


def test_workgroup_memory_may_be_filled() -> None:
    assert "array<f32, 4096>" in lower(reversing(64)).code


def test_too_much_workgroup_memory_is_refused() -> None:
    assert "bad: " in refusal(reversing(65))
    assert "16640 bytes" in refusal(reversing(65))


def test_256_threads_are_taken() -> None:
    assert "@workgroup_size(256, 1, 1)" in lower(ones(256)).code


def test_more_threads_are_refused() -> None:
    assert refusal(ones(257)) == "bad: more than 256 threads in a workgroup"


@pytest.mark.parametrize("grid", [(65_535, 1), (1, 65_535)])
def test_the_largest_grid_is_taken(grid: tuple[int, int]) -> None:
    assert lower(ones(32, grid)).entry == "bad_kernel"


@pytest.mark.parametrize(("grid", "extent"), [((65_536, 1), 65_536), ((1, 70_000), 70_000), ((0, 1), 0)])
def test_grids_that_webgpu_does_not_take_are_refused(grid: tuple[int, int], extent: int) -> None:
    assert refusal(ones(32, grid)) == f"bad: a grid of {extent} workgroups; WebGPU takes 1 to 65535"


@pytest.mark.parametrize("word", ["active", "target", "filter", "self"])
def test_reserved_words_as_names_are_refused(word: str) -> None:
    k = KernelBuilder("bad", (1, 1), 32)
    x, y = k.buffer("x", (32,), "float32"), k.buffer("y", (32,), "float32")
    with k.threads() as (_, _, thread):
        named = let(x[thread] + const(1.0))
        IRBuilder.name(word, named)
        store(y, thread, named * named)
    assert refusal(k.finish()) == f"bad: '{word}' is a reserved word of WGSL"


def test_two_launches_in_one_kernel_are_refused() -> None:
    k = KernelBuilder("bad", (1, 1), 32)
    y = k.buffer("y", (32,), "float32")
    for value in (1.0, 2.0):
        with k.threads() as (_, _, thread):
            store(y, thread, const(value))
    assert refusal(k.finish()) == "bad: 2 entry points; a kernel must be exactly one"


def test_a_kernel_without_threads_is_refused() -> None:
    k = KernelBuilder("bad", (1, 1), 32)
    store(k.buffer("y", (32,), "float32"), 0, const(1.0))
    assert refusal(k.finish()) == "bad: 0 device modules; a kernel must be exactly one launch"


def all_sorts(name: str = "all_sorts") -> Kernel:
    """Buffers and scalars declared in an order that is not the order of their names."""
    k = KernelBuilder(name, (PerTokens(4), 1), 32)
    z, a, m = (
        k.buffer(buffer, (32,), dtype) for buffer, dtype in (("z", "float32"), ("a", "uint32"), ("m", "float16"))
    )
    top_p, seed, position = k.scalar("top_p"), k.scalar("seed"), k.scalar("position")
    with k.threads() as (_, _, thread):
        value = cast(a[thread], "float32") + cast(m[thread], "float32") + cast(seed, "float32")
        store(z, thread, value * top_p + cast(position, "float32"))
    return k.finish()


def test_buffers_come_in_the_order_of_their_bindings_with_what_is_done_to_them() -> None:
    shader = lower(all_sorts())
    assert shader.buffers == (("a", "read"), ("m", "read"), ("z", "read_write"))
    assert "@binding(0) var<storage, read> a_ptr : array<u32>" in shader.code
    assert "@binding(1) var<storage, read> m_ptr : array<f16>" in shader.code
    assert "@binding(2) var<storage, read_write> z_ptr : array<f32>" in shader.code
    assert "@binding(3) var<uniform>" in shader.code


def test_scalars_come_in_the_order_of_the_uniform_block() -> None:
    shader = lower(all_sorts())
    assert shader.scalars == ("position", "seed", "tokens", "top_p", "grid_limit")
    places = [shader.code.index(field) for field in ("position: i32", "seed: u32", "tokens: i32", "top_p: f32")]
    assert places == sorted(places)


def test_f16_is_enabled_where_it_is_used_and_only_there() -> None:
    assert lower(all_sorts()).code.startswith("enable f16;")
    assert "enable" not in lower(copy("float32", "plain")).code


def test_the_same_kernel_built_again_gives_the_same_text() -> None:
    assert lower(all_sorts("again")) == lower(all_sorts("again"))


def with_subgroups(function: str, *more: object) -> Kernel:
    k = KernelBuilder("bad", (1, 1), 32)
    y = k.buffer("y", (32,), "float32")
    with k.threads() as (_, _, thread):
        store(y, thread, T.call_pure_extern("float32", function, y[thread], *more))
    return k.finish()


def test_a_shader_with_functions_of_subgroups_says_so() -> None:
    assert lower(with_subgroups("subgroupShuffleXor", T.uint32(1))).code.startswith("enable subgroups;\n")


def test_a_function_of_subgroups_that_nobody_has_tried_is_refused() -> None:
    message = refusal(with_subgroups("subgroupMax"))
    assert message == "bad: subgroupMax is none of subgroupShuffleXor, subgroup_size_"
