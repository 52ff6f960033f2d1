"""A name for all that determines the bytes of a bundle's weights: builds that share it may share shards."""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from .checkpoint import Checkpoint


def fingerprint(checkpoint: Checkpoint, quantisation: str) -> str:
    """Sixteen hexadecimal digits from the checkpoint's files, the quantisation and the compiler itself. The rest that a
    person may choose is written anew by each build.

    Reading all weights would take as long as quantising them, so a file is known by what the file system says of it.
    The compiler is known by its source: nobody has to remember to count a version up.
    """
    compiler = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        compiler.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    parts = {
        "checkpoint": [checkpoint.config, checkpoint.file_states()],
        "quantisation": quantisation,
        "compiler": [compiler.hexdigest(), np.__version__, sys.byteorder],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
