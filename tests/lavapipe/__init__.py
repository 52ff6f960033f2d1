"""Mesa's lavapipe as the GPU of tests: it runs f16, is several times as fast as Chromium's own software adapter, and
keeps what it has compiled on the disk."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so")  # Debian's mesa-vulkan-drivers
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Lavapipe:
    """Environments in which a process has this adapter."""

    node: dict[str, str]
    chromium: dict[str, str]  # started with SOFTWARE_FLAGS, which ask for the software adapter


def build_lavapipe(folder: Path) -> Lavapipe | None:
    """Compiles what makes Dawn take lavapipe into the folder; None where there is no C compiler or no lavapipe."""
    compiler = shutil.which("cc")
    if compiler is None or not LIBRARY.is_file():
        return None

    def compiled(name: str) -> str:
        library, source = folder / f"{name}.so", HERE / f"{name}.c"
        options = ["-O2", "-shared", "-fPIC", "-fvisibility=hidden"]
        subprocess.run([compiler, *options, "-o", str(library), str(source), "-ldl"], check=True)
        return str(library)

    driver, preload, manifest = compiled("driver"), compiled("preload"), folder / "driver.json"
    manifest.write_text(
        json.dumps({"file_format_version": "1.0.0", "ICD": {"library_path": driver, "api_version": "1.3.0"}})
    )
    library = {"LAVAPIPE_LIBRARY": str(LIBRARY)}
    return Lavapipe(
        node={**library, "VK_ICD_FILENAMES": str(manifest)},
        chromium={**library, "LAVAPIPE_DRIVER": driver, "LD_PRELOAD": preload},
    )
