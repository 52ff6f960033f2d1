"""Where a benchmark runs, and on which version of the code."""

import os
import platform
import subprocess
from pathlib import Path

from .results import Machine

HERE = Path(__file__).parent


def this_machine() -> Machine:
    """The machine that the code runs on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Machine(_processor(), os.cpu_count() or 1, memory, platform.platform())


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def this_commit() -> str | None:
    """The commit of a checkout, with a + when it has changes; None for an installed package."""
    try:
        commit = _git("rev-parse", "--short=12", "HEAD")
        return f"{commit}+" if _git("status", "--porcelain", "--untracked-files=no") else commit
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=HERE, check=True, capture_output=True, text=True)
    return done.stdout.strip()
