"""Runs one kernel on a WebGPU device of Python's own (wgpu: naga and lavapipe), so that pytest can look inside."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import wgpu
from numpy.typing import NDArray
from windowseat.compile.extent import PerTokens
from windowseat.compile.kernels.common import SCALARS, Kernel
from windowseat.compile.lower import GRID_LIMIT, lower
from windowseat.compile.plan import PlanKernel

Array = NDArray[Any]


class Gpu:
    """A device with shader-f16, on the software adapter if need be."""

    def __init__(self) -> None:
        adapters = [a for a in wgpu.gpu.enumerate_adapters_sync() if a.info["backend_type"] == "Vulkan"]
        if not adapters:
            raise RuntimeError("no Vulkan adapter: install a driver (Debian: apt-get install mesa-vulkan-drivers)")
        if "shader-f16" not in adapters[0].features:
            raise RuntimeError(
                f"{adapters[0].info['device']} has no shader-f16: set VK_ICD_FILENAMES to lavapipe's file"
            )
        self.device = adapters[0].request_device_sync(required_features=["shader-f16", "subgroup"])
        self._pipelines: dict[str, Any] = {}

    def pipeline(self, shader: PlanKernel) -> Any:
        """The compiled shader, compiled once."""
        if shader.code not in self._pipelines:
            module = self.device.create_shader_module(code=for_naga(shader.code))
            self._pipelines[shader.code] = self.device.create_compute_pipeline(
                layout="auto", compute={"module": module, "entry_point": shader.entry}
            )
        return self._pipelines[shader.code]

    def run(self, kernel: Kernel, arrays: Mapping[str, Array], scalars: Mapping[str, float]) -> dict[str, Array]:
        """Launches the kernel once; gives back what every buffer holds afterwards."""
        shader = lower(kernel)
        usage = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC
        buffers = {
            name: self.device.create_buffer_with_data(data=whole_words(array), usage=usage)
            for name, array in arrays.items()
        }
        resources = [buffers[name] for name, _ in shader.buffers]
        if shader.scalars:
            block = uniform_block(shader.scalars, scalars)
            resources.append(self.device.create_buffer_with_data(data=block, usage=wgpu.BufferUsage.UNIFORM))
        pipeline = self.pipeline(shader)
        entries = [
            {"binding": i, "resource": {"buffer": b, "offset": 0, "size": b.size}} for i, b in enumerate(resources)
        ]
        group = self.device.create_bind_group(layout=pipeline.get_bind_group_layout(0), entries=entries)
        encoder = self.device.create_command_encoder()
        compute = encoder.begin_compute_pass()
        compute.set_pipeline(pipeline)
        compute.set_bind_group(0, group)
        compute.dispatch_workgroups(*(extent(e, int(scalars.get("tokens", 1))) for e in kernel.grid), 1)
        compute.end()
        self.device.queue.submit([encoder.finish()])
        written = {name for name, access in shader.buffers if access == "read_write"}
        return after(arrays, {name: self.device.queue.read_buffer(buffers[name]) for name in written})


def for_naga(code: str) -> str:
    """A shader as naga takes it: it has the functions of subgroups but does not know their directive."""
    return code.removeprefix("enable subgroups;\n")


def whole_words(array: Array) -> bytes:
    """The array's bytes, filled with zeros to a multiple of 4."""
    content = array.tobytes()
    return content + bytes(-len(content) % 4)


def after(arrays: Mapping[str, Array], written: Mapping[str, bytes | memoryview]) -> dict[str, Array]:
    """What went in, but for the buffers that were written."""
    return {name: as_array(written[name], each) if name in written else each for name, each in arrays.items()}


def as_array(content: bytes | memoryview, like: Array) -> Array:
    """A buffer's content with the type and shape that went in."""
    return np.frombuffer(content, like.dtype)[: like.size].reshape(like.shape)


def extent(value: int | PerTokens, tokens: int) -> int:
    """Workgroups along one axis of the grid."""
    return value if isinstance(value, int) else -(-tokens // value.each)


def uniform_block(names: tuple[str, ...], scalars: Mapping[str, float]) -> bytes:
    """The uniform block as the runtime lays it out: 4 bytes a field, padded to 16."""
    block = b""
    for name in names:
        kind, value = ("uint32", 0xFFFFFFFF) if name == GRID_LIMIT else (SCALARS[name], scalars[name])
        block += np.array([value], kind).tobytes()
    return block + bytes(-len(block) % 16)
