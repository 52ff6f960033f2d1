"""Builds the site again whenever what it is made from changes, and tells the pages that are open."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import BaseRoute, Route
from watchfiles import Change, DefaultFilter, awatch

from ..compile.errors import UserError
from . import texts
from .node import find_node

PACKAGE = Path(__file__).parent
WEB = PACKAGE.parent / "web"
# The scripts are built from these, with the texts in them.
SCRIPT_SOURCES = (WEB / "src", WEB / "examples", WEB / "build.mjs", PACKAGE / "texts")
SOURCES = (PACKAGE / "templates", PACKAGE / "static", *SCRIPT_SOURCES)
GENERATED = "format.ts"  # written by the build itself


class Filter:
    """Leaves out what editors and builds write on their way, which is hidden, and what the build itself writes."""

    def __init__(self, roots: Iterable[Path]) -> None:
        self._usual = DefaultFilter()
        self._roots = [root.resolve() for root in roots]

    def __call__(self, change: Change, path: str) -> bool:
        """Whether the site is to be built again for this."""
        return self._usual(change, path) and not path.endswith(GENERATED) and not self._hidden(Path(path))

    def _hidden(self, path: Path) -> bool:
        inside = [path.relative_to(root).parts for root in self._roots if path.is_relative_to(root)]
        return any(part.startswith(".") for parts in inside for part in parts)


class Watch:
    """Rebuilds a site on change; `say` hears one line about each build."""

    def __init__(self, rebuild: Callable[[], object], besides: Iterable[Path], say: Callable[[str], None]) -> None:
        self._rebuild = rebuild
        self._say = say
        # An installed package has no TypeScript beside it.
        self._paths = [path for path in (*SOURCES, *besides) if path.exists()]
        self._built = asyncio.Condition()

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """Where pages hear of builds."""
        return [Route("/live_reload", self._tell)]

    @asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncIterator[None]:
        """Watches as long as the server runs."""
        watching = asyncio.create_task(self._run())
        try:
            yield
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def _run(self) -> None:
        async for changes in awatch(*self._paths, watch_filter=Filter(self._paths)):
            paths = [Path(path) for _, path in changes]
            try:
                await asyncio.to_thread(self._build, paths)
            except Exception as error:  # whatever a mistake in a template is, the next change may mend it
                kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
                self._say(f"Not built: {kind}{error}")
                continue
            names = sorted({path.name for path in paths})
            self._say(f"Built again, because of {', '.join(names[:3])}{' and others' if len(names) > 3 else ''}.")
            async with self._built:
                self._built.notify_all()

    def _build(self, paths: Iterable[Path]) -> None:
        texts.languages.cache_clear()
        if WEB.is_dir() and any(path.is_relative_to(source) for path in paths for source in SCRIPT_SOURCES):
            built = subprocess.run([find_node(), "build.mjs"], cwd=WEB, capture_output=True, text=True)
            if built.returncode:
                raise UserError(f"the TypeScript has a mistake; see what esbuild says:\n{built.stderr.strip()}")
        self._rebuild()

    async def _tell(self, _request: Request) -> StreamingResponse:
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
        yield "retry: 500\n\n"
        while True:
            async with self._built:
                await self._built.wait()
            yield "event: built\ndata:\n\n"
