"""Runs a plan on Python's own WebGPU device: a second runtime, a page long, to hold the first one against."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
import wgpu
from numpy.typing import NDArray
from windowseat.compile.reference import open_stream

from .gpu import Gpu, for_naga, uniform_block

USAGE = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC | wgpu.BufferUsage.COPY_DST


class PlanRunner:
    """One conversation with a model in one variant."""

    def __init__(
        self, gpu: Gpu, plan: dict[str, Any], weights: Mapping[str, NDArray[Any]], *, chunk: int, context: int
    ) -> None:
        self._device, self.chunk = gpu.device, chunk
        self._buffers = {
            name: self._device.create_buffer_with_data(data=words, usage=USAGE) for name, words in weights.items()
        }
        for b in plan["buffers"]:
            size = b["bytes"] + b["bytes_per_position"] * context
            self._buffers[b["name"]] = self._device.create_buffer(size=-(-size // 4) * 4, usage=USAGE)
        self._pipelines = [self._pipeline(kernel) for kernel in plan["kernels"]]
        self._plan: dict[str, Any] = plan
        self.position = 0

    @classmethod
    def of_bundle(cls, gpu: Gpu, folder: Path, variant: str, *, context: int) -> Self:
        """The runner of a variant of a bundle on disk."""
        manifest, stream = open_stream(folder)
        chunk = next(v["prefill_chunk"] for v in manifest["variants"] if v["name"] == variant)
        plan = json.loads((folder / f"plan-{variant}.json").read_text())
        weights = {name: stream.read(name) for name in stream.ranges}
        return cls(gpu, plan, weights, chunk=chunk, context=context)

    def prefill(self, ids: list[int]) -> None:
        """Feeds tokens in chunks."""
        for start in range(0, len(ids), self.chunk):
            piece = ids[start : start + self.chunk]
            self._device.queue.write_buffer(self._buffers["tokens"], 0, np.array(piece, np.uint32))
            self._run(("prefill",), len(piece))

    def decode(self, token: int) -> None:
        """Feeds one token."""
        self._device.queue.write_buffer(self._buffers["tokens"], 0, np.array([token], np.uint32))
        self._run(("decode",), 1)

    def logits(self, tokens: int = 1) -> NDArray[np.float32]:
        """The logits after what was fed last, of which `tokens` came in one call."""
        self._run(("head",), tokens, advance=False)
        return np.frombuffer(self._device.queue.read_buffer(self._buffers["logits"]), np.float32)

    def write(self, name: str, array: NDArray[Any]) -> None:
        """Fills an io buffer."""
        self._device.queue.write_buffer(self._buffers[name], 0, array)

    def read(self, name: str) -> NDArray[np.uint32]:
        """The words of a buffer."""
        return np.frombuffer(self._device.queue.read_buffer(self._buffers[name]), np.uint32)

    def sample(self, programs: tuple[str, ...], scalars: Mapping[str, float]) -> None:
        """Programs that come after the head."""
        self._run(programs, 1, scalars, advance=False)

    def _pipeline(self, kernel: dict[str, Any]) -> Any:
        module = self._device.create_shader_module(code=for_naga(kernel["code"]))
        return self._device.create_compute_pipeline(
            layout="auto", compute={"module": module, "entry_point": kernel["entry"]}
        )

    def _run(
        self,
        programs: tuple[str, ...],
        tokens: int,
        sampling: Mapping[str, float] | None = None,
        *,
        advance: bool = True,
    ) -> None:
        scalars = {"tokens": tokens, "position": self.position, "keep_at": 0, **(sampling or {})}
        encoder = self._device.create_command_encoder()
        compute = encoder.begin_compute_pass()
        for step in (step for program in programs for step in self._plan["programs"][program]):
            if self.position + tokens <= step.get("past", 0):
                continue
            kernel, pipeline = self._plan["kernels"][step["kernel"]], self._pipelines[step["kernel"]]
            bound = [self._buffers[name] for name in step["buffers"]]
            if kernel["scalars"]:
                block = uniform_block(tuple(kernel["scalars"]), scalars)
                bound.append(self._device.create_buffer_with_data(data=block, usage=wgpu.BufferUsage.UNIFORM))
            entries = [
                {"binding": i, "resource": {"buffer": b, "offset": 0, "size": b.size}} for i, b in enumerate(bound)
            ]
            compute.set_pipeline(pipeline)
            group = self._device.create_bind_group(layout=pipeline.get_bind_group_layout(0), entries=entries)
            compute.set_bind_group(0, group)
            grid = (e if isinstance(e, int) else -(-tokens // e["tokens_per_group"]) for e in step["grid"])
            compute.dispatch_workgroups(*grid, 1)
        compute.end()
        self._device.queue.submit([encoder.finish()])
        if advance:
            self.position += tokens
