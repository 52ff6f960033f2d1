"""Runs one kernel in Chromium (Tint and its software adapter), as tests/gpu.py does on Python's own device."""

import base64
from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray
from playwright.sync_api import Browser, ConsoleMessage
from windowseat.compile.kernels.common import Kernel
from windowseat.compile.lower import lower

from .gpu import after, extent, uniform_block, whole_words

Array = NDArray[Any]

ADDRESS = "http://127.0.0.1/"  # WebGPU is there in secure contexts only; nothing listens, the page is made up below
START = """async () => {
    const adapter = await navigator.gpu.requestAdapter();
    if (!adapter) throw new Error("Chromium has no WebGPU adapter");
    window.device = await adapter.requestDevice({ requiredFeatures: ["subgroups"] });
    window.pipelines = new Map();
}"""
RUN = """async ({ code, entry, contents, written, uniform, grid }) => {
    const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const buffer = (text, usage) => {
        const content = bytes(text);
        const made = device.createBuffer({ size: content.length, usage: usage | GPUBufferUsage.COPY_DST });
        device.queue.writeBuffer(made, 0, content);
        return made;
    };
    device.pushErrorScope("validation");
    if (!pipelines.has(code)) {
        const module = device.createShaderModule({ code });
        pipelines.set(code, device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: entry } }));
    }
    const pipeline = pipelines.get(code);
    const storage = contents.map((text) => buffer(text, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC));
    const bound = uniform ? [...storage, buffer(uniform, GPUBufferUsage.UNIFORM)] : storage;
    const group = device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: bound.map((each, binding) => ({ binding, resource: { buffer: each } })),
    });
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...grid);
    pass.end();
    const copies = written.map((i) => {
        const { size } = storage[i];
        const copy = device.createBuffer({ size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
        encoder.copyBufferToBuffer(storage[i], 0, copy, 0, size);
        return copy;
    });
    device.queue.submit([encoder.finish()]);
    const error = await device.popErrorScope();
    if (error) throw new Error(error.message);
    const texts = await Promise.all(copies.map(async (copy) => {
        await copy.mapAsync(GPUMapMode.READ);
        const content = new Uint8Array(copy.getMappedRange());
        let text = "";
        for (let at = 0; at < content.length; at += 32768) {
            text += String.fromCharCode(...content.subarray(at, at + 32768));
        }
        return btoa(text);
    }));
    for (const each of [...bound, ...copies]) each.destroy();
    return texts;
}"""


class BrowserKernels:
    """A page with a device; what its console complains about is an error."""

    def __init__(self, browser: Browser) -> None:
        self._complaints: list[str] = []
        self._page = browser.new_page()
        self._page.on("console", self._listen)
        self._page.route(ADDRESS, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
        self._page.goto(ADDRESS)
        self._page.evaluate(START)

    def run(self, kernel: Kernel, arrays: Mapping[str, Array], scalars: Mapping[str, float]) -> dict[str, Array]:
        """Launches the kernel once; gives back what every buffer holds afterwards."""
        shader = lower(kernel)
        written = [i for i, (_, access) in enumerate(shader.buffers) if access == "read_write"]
        call = {
            "code": shader.code,
            "entry": shader.entry,
            "contents": [base64.b64encode(whole_words(arrays[name])).decode() for name, _ in shader.buffers],
            "written": written,
            "uniform": base64.b64encode(uniform_block(shader.scalars, scalars)).decode(),
            "grid": [extent(each, int(scalars.get("tokens", 1))) for each in kernel.grid],
        }
        contents = self._page.evaluate(RUN, call)
        if self._complaints:
            raise RuntimeError(f"{kernel.name} in Chromium: {self._complaints}")
        names = [shader.buffers[i][0] for i in written]
        return after(arrays, dict(zip(names, map(base64.b64decode, contents), strict=True)))

    def close(self) -> None:
        """Closes the page."""
        self._page.close()

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in ("warning", "error"):
            self._complaints.append(message.text)
