"""Builds icd.c and says how to use it."""

import json
import shutil
import subprocess
from pathlib import Path

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so")  # Debian's mesa-vulkan-drivers


def build_driver(folder: Path) -> dict[str, str] | None:
    """The environment in which Dawn runs on lavapipe; None where there is no C compiler or no lavapipe."""
    compiler = shutil.which("cc")
    if compiler is None or not LIBRARY.is_file():
        return None
    library, manifest = folder / "libicd.so", folder / "icd.json"
    source = Path(__file__).with_name("icd.c")
    subprocess.run(
        [compiler, "-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-o", str(library), str(source), "-ldl"],
        check=True,
    )
    icd = {"library_path": str(library), "api_version": "1.3.0"}
    manifest.write_text(json.dumps({"file_format_version": "1.0.0", "ICD": icd}))
    return {"VK_ICD_FILENAMES": str(manifest), "LAVAPIPE_LIBRARY": str(LIBRARY)}
