"""Where this runs from: a checkout of the repository, or an installed wheel."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]  # of the repository, if there is one


def in_checkout() -> bool:
    """Whether the repository is around this file."""
    return (FOLDER / "constraints.txt").is_file()


def install_line(extra: str) -> str:
    """What a person types to install an extra: no registry knows the package of a checkout."""
    if in_checkout():
        return f"cd {FOLDER} && .venv/bin/pip install -c constraints.txt -e '.[{extra}]'"
    return f"pip install 'windowseat[{extra}]'"
