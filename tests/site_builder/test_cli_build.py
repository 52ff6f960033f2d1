"""`windowseat build` as a person runs it: from a folder, from a hub, and with what cannot be built."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from unittest.mock import Mock

import pytest
from typer.testing import CliRunner
from windowseat.compile import build as build_module
from windowseat.site_builder.cli import app

from tests.compile.tiny_model import CONFIG, write_tiny
from tests.hub_server import HubServer

COMMAND = (sys.executable, "-m", "windowseat.site_builder")


def build(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, "build", *arguments], env=environment, capture_output=True, text=True, timeout=120)


def test_a_model_comes_from_a_hub_at_a_revision(tmp_path: Path) -> None:
    checkpoint = write_tiny(tmp_path / "checkpoint")
    with HubServer() as hub:
        commit = hub.add_folder("someone/tiny-model", checkpoint, "v1")
        arguments = ("someone/tiny-model@v1", "--variant", "base", "--out", str(tmp_path / "models"))
        done = build(*arguments, environment=hub.environment(tmp_path))
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "models/tiny-model/bundle.json").read_text())
    assert manifest["model"]["source"] == "someone/tiny-model"
    assert manifest["model"]["revision"] == commit


@pytest.mark.parametrize("options", [("--context", "9999"), ("--name", "a/b")])
def test_what_can_be_refused_is_before_weights_are_downloaded(tmp_path: Path, options: tuple[str, ...]) -> None:
    checkpoint = write_tiny(tmp_path / "checkpoint")
    with HubServer() as hub:
        hub.add_folder("someone/tiny-model", checkpoint, "main")
        arguments = ("someone/tiny-model", *options, "--out", str(tmp_path / "models"))
        done = build(*arguments, environment=hub.environment(tmp_path))
        assert (done.returncode, hub.downloads("model.safetensors")) == (1, [])
        assert len(hub.downloads("config.json")) == 1


def test_a_problem_is_one_sentence_and_exit_code_1(tmp_path: Path) -> None:
    checkpoint = write_tiny(tmp_path / "checkpoint")
    (checkpoint / "config.json").write_text(json.dumps({**CONFIG, "model_type": "gpt2"}))
    done = build(str(checkpoint), "--out", str(tmp_path / "models"))
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "'gpt2'" in done.stderr
    assert not (tmp_path / "models").exists()


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    checkpoint = write_tiny(tmp_path / "checkpoint", vision_and_mtp=True)
    done = build(str(checkpoint), "--variant", "base", "--out", str(tmp_path / "models"))
    assert done.returncode == 0, done.stderr
    assert "vision" in done.stdout
    assert "multi-token prediction" in done.stdout


def test_what_is_taken_over_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = write_tiny(tmp_path / "checkpoint")
    arguments = ["build", str(checkpoint), "--out", str(tmp_path / "models")]
    with monkeypatch.context() as ended:
        ended.setattr(build_module, "write_manifest", Mock(side_effect=KeyboardInterrupt))
        assert CliRunner().invoke(app, arguments).exit_code == 130
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0
    shard = (tmp_path / "models" / "checkpoint" / "weights-0000.bin").stat().st_size
    assert done.output.splitlines() == [
        f"Took over {shard / 1e6:.1f} MB of weights from a build that was ended early.",
        f"{tmp_path / 'models' / 'checkpoint'}: compiled; next: windowseat site",
    ]
