"""The `windowseat` command. Everything heavy is imported by the subcommand that needs it: help must come at once."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from ..compile.errors import UserError
from ..compile.progress import Progress, Report
from .options import (
    QUANTISATIONS,
    known_lengths,
    known_quantisation,
    known_runtimes,
    known_variant,
    known_variants,
    page_variants,
)

if TYPE_CHECKING:
    from starlette.types import ASGIApp

PROBLEM, DIFFERENCE = 1, 3  # 2, wrong usage, is typer's own
MODELS, SITE = Path("dist/models"), Path("dist/site")

ABOUT = """
Compiles small language models to WebGPU and puts them in a web page.

\b
From a checkpoint to a chat in the browser:
  windowseat build compile/demo/checkpoint --name demo
  windowseat site
  windowseat serve

\b
Exit codes: 0 done; 1 a problem that the message says how to solve;
2 a wrong option; 3 verify found a difference past a bound, or bench a slower figure.
"""


app = typer.Typer(
    help=ABOUT,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Model = Annotated[str, typer.Argument(help="A checkpoint's folder, or its id on the Hugging Face hub.")]
Quantise = Annotated[
    str, typer.Option(help="How weights are stored.", metavar="|".join(QUANTISATIONS), callback=known_quantisation)
]
ONLY = "Only these, as f16, base or software; all by default."
Variants = Annotated[list[str] | None, typer.Option(help=ONLY, callback=known_variants)]
PageVariants = Annotated[list[str] | None, typer.Option(help=ONLY, callback=page_variants)]
ModelsDir = Annotated[Path, typer.Option("--models", help="Folder of the compiled models.")]
WatchedModels = Annotated[
    Path | None, typer.Option("--models", help="Folder of the compiled models, for --watch.", show_default=str(MODELS))
]
SiteDir = Annotated[Path, typer.Option("--site", help="Folder of the built site.")]
ThemeFile = Annotated[Path | None, typer.Option("--theme", help="A TOML file with the site's name, icon and colours.")]
AllowOrigin = Annotated[
    list[str] | None,
    typer.Option(help="Pages of this origin may frame the chat, * for all; may be given more than once."),
]
ListFile = Annotated[
    Path | None, typer.Option("--list", help="A TOML file with the site's models, their labels, prompts and addresses.")
]


def print_version(wanted: bool) -> None:
    """Prints the version and ends the command."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"windowseat {version('windowseat')}")
        raise typer.Exit


@app.callback()
def windowseat(
    _version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The options before a subcommand; the help text is the app's."""


@app.command()
def build(
    model: Model,
    quantise: Quantise = QUANTISATIONS[0],
    name: Annotated[str | None, typer.Option(help="Name of the result; the checkpoint's own by default.")] = None,
    context: Annotated[
        int | None, typer.Option(min=1, help="Tokens that a conversation may hold. [default: all that the model takes]")
    ] = None,
    variant: PageVariants = None,
    out: Annotated[Path, typer.Option(help="Folder of the compiled models.")] = MODELS,
) -> None:
    """Compile a checkpoint into a bundle that a browser can run.

    A build that was ended early goes on where it stopped when it is started again.

    \b
    Examples:
      windowseat build Qwen/Qwen3.5-0.8B
      windowseat build ./my-finetune --name mine --quantise q8
      windowseat build compile/demo/checkpoint --name demo --context 1024
    """
    from ..compile.build import Options
    from ..compile.build import build as build_bundle
    from ..compile.journal import CHECKING
    from ..compile.progress import Progress
    from .progress_bars import progress_bars

    options = Options(quantisation=quantise, name=name, context=context, variants=tuple(variant or ()))
    taken = 0

    def watch(progress: Progress) -> None:
        nonlocal taken
        if progress.stage == CHECKING:
            taken = progress.done
        report(progress)

    with progress_bars() as report:
        bundle = build_bundle(model, out, options, watch)
    if taken:
        typer.echo(f"Took over {taken / 1e6:,.1f} MB of weights from a build that was ended early.")
    skipped = json.loads((bundle / "report.json").read_text("utf-8"))["skipped_tensors"]
    for part, count in skipped.items():
        typer.echo(f"Left out: {part} ({count} tensors); only the text model is compiled.")
    typer.echo(f"{bundle}: compiled; next: windowseat site")


@app.command()
def site(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[MODELS]...", help="Compiled models, by name; all by default.")
    ] = None,
    models: ModelsDir = MODELS,
    out: Annotated[Path, typer.Option(help="Folder of the site.")] = SITE,
    theme: ThemeFile = None,
    models_list: ListFile = None,
    allow_origin: AllowOrigin = None,
) -> None:
    """Build the static site from compiled models.

    The result can be copied to any static host, under any path; docs/hosting.md says how.

    \b
    Examples:
      windowseat site
      windowseat site Qwen3.5-0.8B Qwen3.5-2B --theme harbour.toml
      windowseat site --models ~/models --list models.toml --out /srv/www/chat
    """
    from .progress_bars import progress_bars
    from .site import SCRIPTS, Options, build_site

    options = Options(tuple(names or ()), models_list, theme, tuple(allow_origin or ()), compressed=True)
    with progress_bars() as report:
        built = build_site(models, out, report, SCRIPTS, options)
    typer.echo(f"{built}: built; next: windowseat serve")


@app.command()
def serve(
    folder: SiteDir = SITE,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="The first free one from 8000 by default.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on; only this machine by default.")] = "127.0.0.1",
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Build a site of its own, and again on every change; pages follow.")
    ] = False,
    models: WatchedModels = None,
    theme: ThemeFile = None,
    models_list: ListFile = None,
    allow_origin: AllowOrigin = None,
) -> None:
    """Serve the built site on this machine and open it in a browser.

    With --watch, for work on the site itself: templates, styles, TypeScript, models, the theme and the list of models.

    \b
    Examples:
      windowseat serve
      windowseat serve --port 9000 --no-open
      windowseat serve --watch --theme harbour.toml
    """
    from . import browser, server

    if not watch and (models or theme or models_list or allow_origin):
        raise typer.BadParameter(
            "--models, --theme, --list and --allow-origin belong to windowseat site, or to --watch, which builds too."
        )
    with ExitStack() as running:
        if watch:
            app = running.enter_context(watched_site(folder, models or MODELS, theme, models_list, allow_origin))
        else:
            server.check_site(folder)
            app = server.application(folder)
        if not server.is_loopback(host):
            typer.echo(
                f"Warning: listening on {host}, so every machine that reaches this one can open the site. "
                "Browsers give WebGPU only to https and to this machine itself.",
                err=True,
            )
        listening = running.enter_context(server.listen(host, port))
        url = browser.url_of(listening)
        typer.echo(f"Windowseat is at {url}  (Ctrl+C stops it)")
        if not no_open:
            browser.open_when_there_is_a_display(url)
        server.serve(app, listening)


@contextmanager
def watched_site(
    folder: Path, models: Path, theme: Path | None, models_list: Path | None, allow_origin: list[str] | None
) -> "Iterator[ASGIApp]":
    """The application for a site that is built beside the folder, and again on every change; it goes in the end."""
    from .server import application
    from .site import SCRIPTS, Options, build_site
    from .watch import Watch

    folder.parent.mkdir(parents=True, exist_ok=True)
    # A service manager ends a server so, and what is watched would stay; now it ends as by Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with TemporaryDirectory(prefix=".watched-", dir=folder.parent) as beside:
        site = Path(beside) / "site"
        options = Options(theme=theme, models_list=models_list, allow_origins=tuple(allow_origin or ()), live=True)

        def build() -> None:
            build_site(models, site, lambda _: None, SCRIPTS, options)

        build()
        inputs = [path for path in (models, theme, models_list) if path is not None]
        yield application(site, Watch(build, inputs, typer.echo))


@app.command()
def verify(
    model: Model,
    quantise: Quantise = QUANTISATIONS[0],
    runtime: Annotated[
        list[str] | None, typer.Option(help="node or chromium; give it twice for both, the default.")
    ] = None,
    variant: Variants = None,
    prompts: Annotated[
        int, typer.Option(min=0, max=20, help="Texts to continue greedily, besides random prompts.")
    ] = 20,
    length: Annotated[
        list[int] | None, typer.Option(min=1, help="Tokens of a random prompt; the edges of chunks by default.")
    ] = None,
) -> None:
    """Compare a checkpoint, compiled and run on WebGPU, with transformers on the same weights.

    \b
    Examples:
      windowseat verify compile/demo/checkpoint
      windowseat verify Qwen/Qwen3.5-0.8B --runtime chromium --prompts 2 --length 16
    """
    from .needs import check_needs

    chosen = known_runtimes(runtime or ["node", "chromium"])
    check_needs("verify", ("torch", "transformers"), chosen)
    from . import verify as verification
    from .progress_bars import progress_bars
    from .verify_table import print_checks

    options = verification.Options(quantise, chosen, prompts, tuple(variant or ()), tuple(length or ()))
    with progress_bars() as report:
        checks = list(verification.verify(model, options, report))
    print_checks(checks)
    if not any(check.positions for check in checks):
        raise UserError("nothing was compared, so nothing is proved; choose another --runtime, --variant or --length")
    if not all(check.passed for check in checks):
        raise typer.Exit(DIFFERENCE)


@app.command()
def bench(
    models: Annotated[
        list[str],
        typer.Argument(help="Checkpoints, hub ids, compiled models, or random:0.8B, random:qwen3-0.6B and so on."),
    ],
    prompt: Annotated[str, typer.Option(help="Tokens of the prompts, with commas.")] = "64,512",
    decode: Annotated[int, typer.Option(min=3, help="Tokens to decode after each prompt.")] = 128,
    browser: Annotated[list[str] | None, typer.Option(help="chromium, the default, or node; or both.")] = None,
    variant: Annotated[
        str | None,
        typer.Option(
            help="As f16, base or software; by default the one that the runtime chooses.", callback=known_variant
        ),
    ] = None,
    layers: Annotated[int | None, typer.Option(min=1, help="Cut random weights to so many layers.")] = None,
    compare: Annotated[Path | None, typer.Option(help="A file of an earlier benchmark: what got slower?")] = None,
    out: Annotated[
        Path, typer.Option("--json", help="Where the figures go; a picture of the kernels goes beside them.")
    ] = Path("dist/bench.json"),
) -> None:
    """Measure load, prefill, decode and every kernel in a real, headless browser or in Node.

    The adapter's own ceilings are measured in the same run: how fast a kernel can read, and multiply.
    A prompt is repeated for up to a minute; a long one on a software adapter takes longer than that once.

    \b
    Examples:
      windowseat bench compile/demo/checkpoint
      windowseat bench random:0.8B random:2B --prompt 64,512,4096 --json before.json
      windowseat bench random:0.8B --compare before.json
    """
    from .needs import check_needs

    prompts = known_lengths(prompt)
    browsers = known_runtimes(browser or ["chromium"])
    check_needs("bench", (), browsers)
    from . import bench as benchmarks
    from .bench_table import print_benchmark, print_comparison
    from .progress_bars import progress_bars

    before = benchmarks.read(compare) if compare else None
    benchmarks.check_writable(out)
    options = benchmarks.Options(prompts, decode, browsers, variant, layers)
    with progress_bars() as report:
        shown = report if sys.stderr.isatty() else stage_lines()
        measured = benchmarks.bench(models, options, shown, keep=lambda so_far: benchmarks.write(so_far, out))
    pictures = benchmarks.write_rooflines(measured.results, out)
    print_benchmark(measured)
    for path in (out, *pictures):
        typer.echo(f"{path}: written")
    if before:
        comparison = benchmarks.compare(before, measured)
        print_comparison(comparison)
        raise typer.Exit(DIFFERENCE if comparison.worse else 0)


def stage_lines() -> Report:
    """A report function for logs, where there are no bars: a line as each stage begins, for one may take minutes."""
    said: set[str] = set()

    def report(value: Progress) -> None:
        if value.stage not in said:
            said.add(value.stage)
            typer.echo(value.stage, err=True)

    return report


def main() -> None:
    """Runs the command; a person's problem is one sentence, anything else keeps its traceback."""
    try:
        app()
    except UserError as error:
        problem = str(error)
    except OSError as error:
        if error.filename is None:  # of no file that a person could do something about
            raise
        problem = f"{error.filename} cannot be used ({error.strerror}); correct the path or what it allows"
    else:
        return
    typer.echo(f"windowseat: {problem}", err=True)
    sys.exit(PROBLEM)
