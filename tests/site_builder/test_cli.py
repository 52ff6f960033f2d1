import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

COMMAND = str(Path(sys.executable).parent / "windowseat")


def windowseat(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command, run to its end."""
    return subprocess.run([COMMAND, *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def test_help_teaches_with_examples() -> None:
    shown = windowseat("--help")
    assert shown.returncode == 0
    assert "windowseat build compile/demo/checkpoint --name demo" in shown.stdout
    assert {"build", "site", "serve", "verify"} <= set(shown.stdout.split())


@pytest.mark.parametrize("command", ["build", "site", "serve", "verify"])
def test_every_subcommand_has_an_example(command: str) -> None:
    assert re.search(rf"Examples?:\n\s+windowseat {command}", windowseat(command, "--help").stdout)


def test_help_and_serve_import_nothing_heavy() -> None:
    code = (
        "import sys, windowseat.site_builder.cli, windowseat.site_builder.server, windowseat.site_builder.browser;"
        "print({'tvm', 'numpy', 'torch', 'transformers', 'jsonschema'} & set(sys.modules))"
    )
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert imported.stdout == "set()\n"


def test_the_version_is_printed() -> None:
    assert re.fullmatch(r"windowseat \d+\.\d+\.\d+\n", windowseat("--version").stdout)


def test_an_unknown_quantisation_names_the_known_ones() -> None:
    refused = windowseat("build", "model", "--quantise", "q5")
    assert refused.returncode == 2
    assert refused.stderr.endswith("'q5' is unknown; the known ones are q4, q8, f16.\n")


def test_an_unknown_option_is_wrong_usage() -> None:
    assert windowseat("site", "--no-such-option").returncode == 2


def test_an_unknown_model_is_one_sentence_without_a_traceback(tmp_path: Path) -> None:
    refused = windowseat("build", "./no-such-model", cwd=tmp_path)
    assert refused.returncode == 1
    assert re.fullmatch(r"windowseat: .*no-such-model.*\n", refused.stderr)


def test_a_site_without_models_is_the_persons_problem(tmp_path: Path) -> None:
    refused = windowseat("site", cwd=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr == (
        "windowseat: no compiled model in dist/models; compile one first: windowseat build MODEL\n"
    )


def test_serving_without_a_site_says_how_to_build_one(tmp_path: Path) -> None:
    refused = windowseat("serve", "--no-open", cwd=tmp_path)
    assert (refused.returncode, refused.stderr) == (
        1,
        "windowseat: no site in dist/site; build it first: windowseat site\n",
    )


@pytest.fixture
def start_server(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts `windowseat serve` for a small site."""
    (tmp_path / "index.html").write_text("a seat")

    def start(*arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [COMMAND, "serve", "--site", str(tmp_path), "--no-open", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def printed_address(process: subprocess.Popen[str]) -> str:
    """The address in the first line that the server prints."""
    assert process.stdout is not None
    address = re.search(r"http://\S+", process.stdout.readline())
    assert address is not None
    return address[0]


def test_the_printed_address_serves_the_site(start_server: Callable[..., subprocess.Popen[str]]) -> None:
    with start_server() as process:
        try:
            with urllib.request.urlopen(printed_address(process)) as response:
                assert response.read() == b"a seat"
        finally:
            process.terminate()
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_listening_for_other_machines_comes_with_a_warning(
    start_server: Callable[..., subprocess.Popen[str]],
) -> None:
    with start_server("--host", "0.0.0.0") as process:
        try:
            assert printed_address(process).startswith("http://127.0.0.1:")
        finally:
            process.terminate()
        assert process.stderr is not None
        assert process.stderr.read().startswith("Warning: listening on 0.0.0.0")


@pytest.mark.parametrize("option", ["--models=other", "--theme=harbour.toml", "--list=models.toml", "--allow-origin=*"])
def test_serve_takes_what_only_a_build_needs_with_watch_alone(option: str) -> None:
    refused = windowseat("serve", "--no-open", option)
    assert refused.returncode == 2
    assert "--watch" in refused.stderr
