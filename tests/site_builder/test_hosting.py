"""docs/hosting.md beside what the site really says and takes."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from windowseat.site_builder.headers import ASK, EVERYWHERE, KEEP
from windowseat.site_builder.offers import offers
from windowseat.site_builder.theme import read_theme

PAGE = (Path(__file__).parents[2] / "docs/hosting.md").read_text("utf-8")
SECTIONS = {section.partition("\n")[0]: section for section in PAGE.split("\n## ")[1:]}


def example(section: str, language: str = "toml") -> str:
    """The code block of a section."""
    found = re.search(rf"```{language}\n(.*?)```", SECTIONS[section], re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("host", ["What a host should say", "nginx", "Caddy"])
def test_a_host_is_told_every_header(host: str) -> None:
    missing = [name for name, value in EVERYWHERE.items() if not re.search(rf"{name}:? {value}", SECTIONS[host])]
    assert not missing
    assert KEEP in SECTIONS[host]
    assert ASK in SECTIONS[host]


@pytest.mark.parametrize("host", ["nginx", "Caddy", "S3 and CloudFront"])
def test_a_host_is_told_that_the_frame_has_a_policy_of_its_own(host: str) -> None:
    assert "/embed" in SECTIONS[host]
    assert host == "S3 and CloudFront" or "POLICY OF THE FRAME" in SECTIONS[host]


def test_the_example_of_a_theme_is_taken(tmp_path: Path) -> None:
    (tmp_path / "harbour.svg").write_text("<svg/>")
    (tmp_path / "harbour.toml").write_text(example("A look of one's own"))
    assert read_theme(tmp_path / "harbour.toml").colours("accent") == ("#2c5f87", "#93c0e8")


def test_the_example_of_a_list_is_taken(tmp_path: Path, make_bundle: Callable[[str], Path]) -> None:
    make_bundle("Qwen3.5-0.8B")
    models = make_bundle("Qwen3.5-2B").parent
    (tmp_path / "models.toml").write_text(example("Models elsewhere"))
    first, second = offers(models, listed=tmp_path / "models.toml")
    assert (first.origin, second.origin) == ("https://models.example", None)
