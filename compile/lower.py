"""TIR to WGSL, through TVM's code generator, and the checks for what it does wrong without a word.

The binding numbers and the uniform block's fields are read back from the WGSL: TVM sorts both by name.
"""

import re
from functools import cache

from .kernels.common import SCALARS, Kernel
from .plan import PlanKernel
from .tvm_alone import tvm
from .webgpu_limits import MAX_GRID, MAX_STORAGE_BUFFERS, MAX_THREADS, MAX_WORKGROUP_BYTES

SWITCHES = {
    "tirx.disable_cse_tir": True,  # scalars may arrive pre-multiplied by host code that nobody runs
    "tirx.disable_storage_rewrite": True,  # gives a vec4 the register of a number that is done with, and then fails
}
# Cuts arrays down to what is used of them: a third of the time, for the padding of two arrays, as ours are used whole.
NEEDLESS = ["s_tir.CompactBufferAllocation"]
GRID_LIMIT = "grid_limit"
SCALAR_BYTES = {"f32": 4, "u32": 4, "i32": 4, "f16": 2}
# Words that WGSL keeps for itself and that TVM would happily use as a name.
RESERVED = {"active", "binding", "filter", "final", "from", "get", "handle", "layout", "macro", "main", "mod", "move"}
RESERVED |= {"new", "of", "package", "private", "ref", "self", "set", "shared", "target", "type", "use", "using"}

SUBGROUP_SIZE = "subgroup_size_()"  # how kernels/subgroups.py has TVM print the builtin value
SUBGROUP_FUNCTIONS = {"subgroup_size_", "subgroupShuffleXor"}

_BINDING = re.compile(r"@binding\((\d+)\) var<(storage, read|storage, read_write|uniform)> (\w+) : (\S+);")
_GUARD = "if (blockIdx.z * gridDim.x + blockIdx.x > podArgs.packGridDimX) { return; }"
_STORAGE_TYPE = re.compile(r"array<(?:vec[24]<)?(f32|f16|u32|i32)>?>")


class LoweringError(Exception):
    """A kernel that must not reach a bundle: a bug of ours or of the code generator, never the person's."""


@cache
def lower(kernel: Kernel) -> PlanKernel:
    """The kernel as WGSL; raises LoweringError when it is not what it should be."""
    for extent in kernel.grid:
        if isinstance(extent, int) and not 1 <= extent <= MAX_GRID:
            raise LoweringError(f"{kernel.name}: a grid of {extent} workgroups; WebGPU takes 1 to {MAX_GRID}")
    code = _generate(kernel)
    _check_text(kernel.name, code)
    bindings = sorted((int(number), access, name, kind) for number, access, name, kind in _BINDING.findall(code))
    storage = [(name, access, kind) for _, access, name, kind in bindings if access != "uniform"]
    _check_bindings(kernel, [name for name, _, _ in storage], [kind for _, _, kind in storage])
    return PlanKernel(
        name=kernel.name,
        entry=f"{kernel.name}_kernel",
        code=code,
        buffers=tuple((name.removesuffix("_ptr"), access.removeprefix("storage, ")) for name, access, _ in storage),
        scalars=_scalars(kernel, code),
    )


def _generate(kernel: Kernel) -> str:
    target = tvm.target.Target(
        {
            "kind": "webgpu",
            "supports_subgroups": False,
            "max_num_threads": MAX_THREADS,
            "max_shared_memory_per_block": MAX_WORKGROUP_BYTES,
            "host": {"kind": "c"},  # LLVM takes as long for host code, which nobody runs, as TVM for the rest
        }
    )
    with tvm.transform.PassContext(opt_level=3, config=SWITCHES, disabled_pass=NEEDLESS):
        try:
            built = tvm.tirx.build(tvm.IRModule({kernel.name: kernel.function}), target=target)
        except tvm.error.InternalError as error:  # what TVM does refuse: i64, f64, too much workgroup memory
            raise LoweringError(f"{kernel.name}: {error}") from error
    modules = [module for module in built.imports if module.kind == "webgpu"]
    if len(modules) != 1:
        raise LoweringError(f"{kernel.name}: {len(modules)} device modules; a kernel must be exactly one launch")
    lines = modules[0].inspect_source("wgsl").splitlines()
    code = "\n".join(line for line in lines if not line.startswith("//")).strip() + "\n"
    if code.count("@compute") != 1:
        raise LoweringError(f"{kernel.name}: {code.count('@compute')} entry points; a kernel must be exactly one")
    return _with_subgroups(kernel.name, code) if re.search(r"\bsubgroup", code) else code


def _with_subgroups(name: str, code: str) -> str:
    """What WGSL wants of a shader with functions of subgroups: TVM passes their names through, and no more."""
    if odd := set(re.findall(r"\bsubgroup\w*(?=\()", code)) - SUBGROUP_FUNCTIONS:
        raise LoweringError(f"{name}: {min(odd)} is none of {', '.join(sorted(SUBGROUP_FUNCTIONS))}")
    last = "  @builtin(local_invocation_id) threadIdx : vec3<u32>\n)"
    if code.count(last) != 1:
        raise LoweringError(f"{name}: the parameters of the entry point are not the known ones")
    code = code.replace(last, last.replace("\n", ",\n  @builtin(subgroup_size) subgroup_size : u32\n"))
    return "enable subgroups;\n" + code.replace(SUBGROUP_SIZE, "subgroup_size")


def _check_text(name: str, code: str) -> None:
    if bad := re.search(r"-?\binff?\b|\bnanf?\b", code):
        raise LoweringError(f"{name}: the literal {bad[0]!r} is not WGSL; use a large finite number")
    if bad := re.search(r"\b(i8|u8|i16|u16|bf16|i64|u64|f64|bool8)\b", code):
        raise LoweringError(f"{name}: the type {bad[0]} does not exist in WGSL")
    if bad := re.search(r"array<bool", code):
        raise LoweringError(f"{name}: {bad[0]}> cannot be stored; use u32")
    declared = set(re.findall(r"\b(?:let|var|fn)(?:<[^>]*>)? (\w+)", code))
    if words := declared & RESERVED:
        raise LoweringError(f"{name}: {min(words)!r} is a reserved word of WGSL")
    size = re.search(r"@workgroup_size\((\d+), (\d+), (\d+)\)", code)
    if size is None or int(size[1]) * int(size[2]) * int(size[3]) > MAX_THREADS:
        raise LoweringError(f"{name}: more than {MAX_THREADS} threads in a workgroup")
    arrays = re.findall(r"var<workgroup> \w+ : array<(?:vec(\d)<)?(\w+)>?, (\d+)>", code)
    if len(arrays) != code.count("var<workgroup>"):
        raise LoweringError(f"{name}: workgroup memory whose size cannot be read")
    used = sum(int(width or 1) * SCALAR_BYTES[kind] * int(count) for width, kind, count in arrays)
    if used > MAX_WORKGROUP_BYTES:
        raise LoweringError(f"{name}: {used} bytes of workgroup memory; WebGPU promises {MAX_WORKGROUP_BYTES}")
    if "packGridDimX" in code and _GUARD not in code:
        raise LoweringError(f"{name}: the guard of the packed grid is not the known one")


def _check_bindings(kernel: Kernel, names: list[str], kinds: list[str]) -> None:
    """A local array that TVM hoisted out of its thread shows up as a storage buffer that nobody declared."""
    found = {name.removesuffix("_ptr") for name in names}
    if found != set(kernel.buffers):
        odd = ", ".join(repr(name) for name in sorted(found ^ set(kernel.buffers)))  # a hoisted one has no name
        raise LoweringError(f"{kernel.name}: its storage buffers differ from its parameters in: {odd}")
    if len(names) > MAX_STORAGE_BUFFERS:
        raise LoweringError(f"{kernel.name}: {len(names)} storage buffers; WebGPU promises {MAX_STORAGE_BUFFERS}")
    for name, kind in zip(names, kinds, strict=True):
        if not _STORAGE_TYPE.fullmatch(kind):
            raise LoweringError(f"{kernel.name}: buffer {name} has the type {kind}, which cannot be bound")


def _scalars(kernel: Kernel, code: str) -> tuple[str, ...]:
    block = re.search(r"struct PODArgs \{\n(.*?)\n\}", code, re.S)
    if block is None:
        return ()
    fields = re.findall(r"(\w+): (i32|u32|f32)", block[1])
    wgsl = {"int32": "i32", "uint32": "u32", "float32": "f32"}
    names = []
    for name, kind in fields:
        if name == "packGridDimX":
            names.append(GRID_LIMIT)
        elif wgsl.get(SCALARS.get(name, "")) == kind:
            names.append(name)
        else:
            raise LoweringError(f"{kernel.name}: the uniform field {name}: {kind} is none of {', '.join(SCALARS)}")
    return tuple(names)
