import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner
from windowseat.compile.errors import UserError
from windowseat.site_builder import cli, needs
from windowseat.site_builder import verify as verification
from windowseat.site_builder.verify import Check

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).parent / "windowseat")


def windowseat(
    *arguments: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The command, run to its end, with these variables changed."""
    variables = os.environ | (environment or {})
    return subprocess.run([COMMAND, *arguments], cwd=cwd, env=variables, capture_output=True, text=True, timeout=60)


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


@pytest.mark.usefixtures("node")
def test_a_watched_site_goes_with_its_server(tmp_path: Path, make_bundle: Callable[[str], Path]) -> None:
    models, site = make_bundle("demo").parent, tmp_path / "dist" / "site"
    arguments = ["serve", "--watch", "--no-open", "--port", "0", "--models", str(models), "--site", str(site)]
    with subprocess.Popen(
        [COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        printed_address(process)
        assert len(list(site.parent.iterdir())) == 1
        process.terminate()
    assert list(site.parent.iterdir()) == []


@pytest.mark.parametrize("option", ["--models=other", "--theme=harbour.toml", "--list=models.toml", "--allow-origin=*"])
def test_serve_takes_what_only_a_build_needs_with_watch_alone(option: str) -> None:
    refused = windowseat("serve", "--no-open", option)
    assert refused.returncode == 2
    assert "--watch" in refused.stderr


@pytest.mark.parametrize("command", ["verify", "bench"])
def test_without_a_browser_nothing_is_built(command: str, tmp_path: Path) -> None:
    nowhere = {"PATH": str(tmp_path), "PLAYWRIGHT_BROWSERS_PATH": str(tmp_path)}
    runtime = ("--runtime", "chromium") if command == "verify" else ()
    refused = windowseat(command, "no/such-model", *runtime, environment=nowhere)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert refused.stderr.startswith(f"windowseat: {command} needs a Chromium or Chrome and finds none; install one")


@pytest.mark.parametrize(("command", "name"), [("verify", "playwright"), ("bench", "playwright"), ("verify", "torch")])
def test_a_package_that_is_missing_comes_with_the_line_that_installs_it(
    command: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(needs, "find_spec", lambda asked: None if asked == name else object())
    result = CliRunner().invoke(cli.app, [command, "no/such-model"])
    assert str(result.exception) == (
        f"{command} needs {name}; install it with: cd {ROOT} && .venv/bin/pip install -c constraints.txt -e '.[verify]'"
    )


@pytest.mark.parametrize("checks", [[], [Check("node", "base", unsupported="no f16")], [Check("node", "base")]])
def test_a_comparison_of_nothing_proves_nothing(checks: list[Check], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verification, "verify", lambda *_: iter(checks))
    result = CliRunner().invoke(cli.app, ["verify", "no/such-model", "--runtime", "node"])
    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith("nothing was compared, so nothing is proved;")


def test_a_path_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "models").touch()
    refused = windowseat("build", str(ROOT / "compile/demo/checkpoint"), "--out", str(tmp_path / "models"))
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert str(tmp_path / "models") in refused.stderr


@pytest.mark.parametrize("option", ["--theme", "--list"])
def test_a_folder_in_place_of_a_file_is_named(option: str, make_bundle: Callable[[str], Path]) -> None:
    models = make_bundle("demo").parent
    refused = windowseat("site", "--models", str(models), option, str(models), cwd=models)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert refused.stderr.startswith(f"windowseat: {models} cannot be used (Is a directory)")


@pytest.mark.parametrize("command", ["build", "verify", "bench"])
def test_an_unknown_variant_names_the_known_ones(command: str) -> None:
    refused = windowseat(command, "model", "--variant", "f8")
    assert refused.returncode == 2
    assert "'f8' is unknown; the known ones are f16_subgroups, f16, base, software," in refused.stderr


def test_a_bundle_has_a_variant_that_pages_take() -> None:
    refused = windowseat("build", "model", "--variant", "base_q8kv", "--variant", "f16_q8kv")
    assert refused.returncode == 2
    assert "'base_q8kv' is taken only when asked for; give another as well, such as base." in refused.stderr
