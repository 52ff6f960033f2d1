"""The devices that kernels are tested on, and tiny checkpoints to build from."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from windowseat.compile.tuning import GPU, SOFTWARE, Tuning

from tests.browser_kernels import BrowserKernels
from tests.compile.machine import Machine
from tests.gpu import Gpu


@pytest.fixture(scope="session")
def gpu() -> Gpu:
    """Python's own WebGPU device: Mesa's lavapipe, which Dawn in the processes of other tests would refuse."""
    with pytest.MonkeyPatch.context() as patch:
        for driver in Path("/usr/share/vulkan/icd.d").glob("lvp_icd.*.json"):
            patch.setenv("VK_ICD_FILENAMES", str(driver))
        return Gpu()


@pytest.fixture(scope="session")
def chromium_kernels(plain_browser: Browser) -> Iterator[BrowserKernels]:
    """A page of Chromium that runs kernels on its own software adapter."""
    page = BrowserKernels(plain_browser)
    yield page
    page.close()


@pytest.fixture(scope="session")
def wgpu_f32(gpu: Gpu) -> Machine:
    return Machine(gpu.run, "float32", 1e-5)


@pytest.fixture(scope="session")
def wgpu_f16(gpu: Gpu) -> Machine:
    return Machine(gpu.run, "float16", 4e-3)


@pytest.fixture(scope="session")
def chromium_f32(chromium_kernels: BrowserKernels) -> Machine:
    return Machine(chromium_kernels.run, "float32", 1e-5, SOFTWARE.together)


@pytest.fixture(params=["wgpu_f32", "wgpu_f16", "chromium_f32"])
def machine(request: pytest.FixtureRequest) -> Machine:
    """Each of the places that kernels must be right in; Chromium's software adapter has no f16."""
    found: Machine = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["wgpu_f32", "chromium_f32"])
def f32_machine(request: pytest.FixtureRequest) -> Machine:
    """Where kernels run that are the same in every variant."""
    found: Machine = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=[GPU, SOFTWARE], ids=lambda tuning: tuning.name)
def tuning(request: pytest.FixtureRequest) -> Tuning:
    """Each of the ways in which matrix kernels share their work."""
    found: Tuning = request.param
    return found
